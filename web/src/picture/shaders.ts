/**
 * The shaders. What stands in Python's segment/refine.py, segment/colour.py and scene/composite.py, at the size of
 * the network's input:
 *
 * - the fast guided filter (He and Sun 2015) with luma as the guide: alpha is locally a·luma + b;
 * - colours: where person and room differ clearly, a pixel's place on the line between them is its alpha;
 * - the person's own colour at half-transparent pixels by blur fusion (Forte and Pitié 2021).
 */

const HEAD = `#version 300 es
precision highp float;
precision highp sampler2D;
in vec2 v_at;
in vec2 v_frame;
const vec3 LUMA = vec3(0.299, 0.587, 0.114);
// luma around 0: half floats are finer there
float luma(vec3 colour) { return dot(colour, LUMA) - 0.5; }
`;

/** The frame at the network's size: the mean of evenly spread samples, each of which is bilinear. */
export const SHRINK = `${HEAD}
uniform sampler2D u_frame;
uniform vec4 u_step; // of one target pixel, in the frame's coordinates
uniform vec4 u_taps;
out vec4 result;
void main() {
  vec3 sum = vec3(0.0);
  vec2 taps = u_taps.xy;
  for (float y = 0.5; y < taps.y; y += 1.0)
    for (float x = 0.5; x < taps.x; x += 1.0)
      sum += texture(u_frame, v_at + (vec2(x, y) / taps - 0.5) * u_step.xy).rgb;
  result = vec4(sum / (taps.x * taps.y), 1.0);
}`;

/** Luma, mask and their products, averaged along a row of 7. */
export const MOMENTS = `${HEAD}
uniform sampler2D u_small;
uniform sampler2D u_mask;
uniform vec4 u_pixel;
out vec4 result;
void main() {
  vec4 sum = vec4(0.0);
  for (int k = -3; k <= 3; k++) {
    vec2 at = v_at + float(k) * u_pixel.xy;
    float i = luma(texture(u_small, at).rgb);
    float p = texture(u_mask, at).r;
    sum += vec4(i, p, i * p, i * i);
  }
  result = sum / 7.0;
}`;

// a mean of 7 in four bilinear samples
const MEAN = `
vec4 mean7(sampler2D of, vec2 pixel) {
  return (2.0 * (texture(of, v_at - 2.5 * pixel) + texture(of, v_at - 0.5 * pixel) + texture(of, v_at + 1.5 * pixel))
    + texture(of, v_at + 3.0 * pixel)) / 7.0;
}`;

/** The same along a column, and the filter's a and b from it. */
export const COEFFICIENTS = `${HEAD}
uniform sampler2D u_moments;
uniform vec4 u_pixel;
const float SMOOTHNESS = 5e-4;
out vec4 result;
${MEAN}
void main() {
  vec4 mean = mean7(u_moments, u_pixel.xy);
  float gain = (mean.z - mean.x * mean.y) / (max(mean.w - mean.x * mean.x, 0.0) + SMOOTHNESS);
  result = vec4(gain, mean.y - gain * mean.x, 0.0, 1.0);
}`;

/** a and b averaged in one direction. */
export const AVERAGE = `${HEAD}
uniform sampler2D u_from;
uniform vec4 u_pixel;
out vec4 result;
${MEAN}
void main() { result = mean7(u_from, u_pixel.xy); }`;

const ALPHA = `
// spread around one half, so that what is nearly solid is solid
const float CONTRAST = 1.7;
float alphaOf(vec3 colour, vec2 gain) {
  return clamp((gain.x * luma(colour) + gain.y) * CONTRAST - (CONTRAST - 1.0) * 0.5, 0.0, 1.0);
}`;

/** The colours of the person and of the room around each pixel, gathered along a row of 9. */
export const GATHER = `${HEAD}
uniform sampler2D u_small;
uniform sampler2D u_gain;
uniform vec4 u_pixel;
layout(location = 0) out vec4 person;
layout(location = 1) out vec4 room;
${ALPHA}
void main() {
  person = room = vec4(0.0);
  for (int k = -4; k <= 4; k++) {
    vec2 at = v_at + float(k) * u_pixel.xy;
    vec3 colour = texture(u_small, at).rgb;
    float alpha = alphaOf(colour, texture(u_gain, at).rg);
    // what is part person and part room says little of either
    float mine = pow(alpha, 8.0) + 1e-4;
    float theirs = pow(1.0 - alpha, 8.0) + 1e-4;
    person += vec4(colour * mine, mine);
    room += vec4(colour * theirs, theirs);
  }
  person /= 9.0;
  room /= 9.0;
}`;

/** The same along a column: the colour, and how much was there to take it from. */
export const COLOURS = `${HEAD}
uniform sampler2D u_person;
uniform sampler2D u_room;
uniform vec4 u_pixel;
layout(location = 0) out vec4 person;
layout(location = 1) out vec4 room;
vec4 gathered(sampler2D of) {
  vec4 sum = texture(of, v_at);
  for (int k = 0; k < 2; k++) {
    vec2 off = (1.5 + 2.0 * float(k)) * u_pixel.xy;
    sum += 2.0 * (texture(of, v_at - off) + texture(of, v_at + off));
  }
  sum /= 9.0;
  return vec4(sum.rgb / sum.a, sum.a);
}
void main() {
  person = gathered(u_person);
  room = gathered(u_room);
}`;

/** The room out of focus, without the people in it: a Gaussian in one direction, weighted by what is room. */
export const BLUR = `${HEAD}
uniform sampler2D u_from;
uniform sampler2D u_gain;
uniform vec4 u_pixel;
uniform bool u_first;
uniform float u_sigma;
out vec4 result;
${ALPHA}
void main() {
  result = vec4(0.0);
  for (int k = -8; k <= 8; k++) {
    vec2 at = v_at + float(k) * u_pixel.xy;
    vec4 colour = texture(u_from, at);
    if (u_first) {
      float room = 1.0 - alphaOf(colour.rgb, texture(u_gain, at).rg);
      float weight = room * room + 1e-3;
      colour = vec4(colour.rgb * weight, weight);
    }
    result += colour * exp(-0.5 * float(k * k) / (u_sigma * u_sigma));
  }
  if (!u_first) result = vec4(result.rgb / result.a, 1.0);
  else result /= 17.0;
}`;

const BACKDROP = `
uniform float u_kind; // 0 two colours, 1 picture, 2 blur, 3 grey
uniform vec4 u_top;
uniform vec4 u_bottom;
uniform sampler2D u_picture;
uniform vec4 u_cover; // the part of the picture that is seen: scale and offset
vec3 plain() { return mix(u_top.rgb, u_bottom.rgb, v_at.y); }
vec3 pictured() { return texture(u_picture, v_at * u_cover.xy + u_cover.zw).rgb; }
`;

/** Person before background. */
export const COMPOSE = `${HEAD}
uniform sampler2D u_frame;
uniform sampler2D u_gain;
uniform sampler2D u_person;
uniform sampler2D u_room;
uniform sampler2D u_blurred;
out vec4 result;
${ALPHA}
${BACKDROP}
void main() {
  vec3 colour = texture(u_frame, v_frame).rgb;
  float alpha = alphaOf(colour, texture(u_gain, v_frame).rg);
  vec4 person = texture(u_person, v_frame);
  vec4 room = texture(u_room, v_frame);
  vec3 line = person.rgb - room.rgb;
  float apart = dot(line, line);
  float told = clamp(dot(colour - room.rgb, line) / (apart + 2e-3), 0.0, 1.0);
  vec3 off = colour - room.rgb - told * line;
  // both sides are near, differ clearly, and the pixel lies on the line between them
  vec2 shares = min(20.0 * vec2(person.a, room.a), 1.0);
  float trust = shares.x * shares.y * apart * apart / ((apart + 2e-3) * (apart + 30.0 * dot(off, off) + 1e-6));
  alpha = mix(alpha, told, trust);
  vec3 own = clamp(person.rgb + alpha * (colour - room.rgb - alpha * line), 0.0, 1.0);
  own = mix(own, colour, smoothstep(0.9, 1.0, alpha));
  vec3 behind = plain();
  if (u_kind == 1.0) behind = pictured();
  else if (u_kind == 2.0) behind = texture(u_blurred, v_frame).rgb;
  else if (u_kind == 3.0) behind = vec3(dot(colour, LUMA));
  result = vec4(mix(behind, own, alpha), 1.0);
}`;

/** The background alone; of the room nothing is read. */
export const EMPTY = `${HEAD}
out vec4 result;
${BACKDROP}
void main() { result = vec4(u_kind == 1.0 ? pictured() : plain(), 1.0); }`;
