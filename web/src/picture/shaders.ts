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
// the level of detail is known: finding it costs a software renderer more than the reading
vec4 at0(sampler2D of, vec2 at) { return textureLod(of, at, 0.0); }
// one pixel of the frame, unfiltered: the canvas has as many
vec4 pixel(sampler2D of) { return texelFetch(of, ivec2(v_frame * vec2(textureSize(of, 0))), 0); }
// around 0, where half floats are finer
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
      sum += at0(u_frame, v_at + (vec2(x, y) / taps - 0.5) * u_step.xy).rgb;
  result = vec4(sum / (taps.x * taps.y), 1.0);
}`;

/** The filter's a and b from windows of about 3×3 in four bilinear samples, and the mask's mean there. */
export const COEFFICIENTS = `${HEAD}
uniform sampler2D u_small;
uniform sampler2D u_mask;
uniform vec4 u_pixel;
const float SMOOTHNESS = 5e-4;
out vec4 result;
void main() {
  vec4 mean = vec4(0.0);
  for (int k = 0; k < 4; k++) {
    vec2 at = v_at + (vec2(k & 1, k >> 1) - 0.5) * 1.5 * u_pixel.xy;
    float i = luma(at0(u_small, at).rgb);
    float p = at0(u_mask, at).r;
    mean += 0.25 * vec4(i, p, i * p, i * i);
  }
  float gain = (mean.z - mean.x * mean.y) / (max(mean.w - mean.x * mean.x, 0.0) + SMOOTHNESS);
  result = vec4(gain, mean.y - gain * mean.x, mean.y, 1.0);
}`;

/** The coefficients where all is person or all is room: the mask alone. */
export const SOLID = `${HEAD}
uniform sampler2D u_mask;
out vec4 result;
void main() {
  float level = at0(u_mask, v_at).r;
  result = vec4(0.0, level, level, 1.0);
}`;

/** The filter's a and b averaged over 3×3, in four bilinear samples. */
export const AVERAGE = `${HEAD}
uniform sampler2D u_from;
uniform vec4 u_pixel;
out vec4 result;
void main() {
  vec2 off = 2.0 / 3.0 * u_pixel.xy;
  result = 0.25 * (at0(u_from, v_at - off) + at0(u_from, v_at + off)
    + at0(u_from, v_at + vec2(off.x, -off.y)) + at0(u_from, v_at + vec2(-off.x, off.y)));
}`;

const ALPHA = `
// spread around one half, so that what is nearly solid is solid
const float CONTRAST = 1.7;
// by the filter where the mask has an edge; elsewhere the mask itself
float alphaOf(vec3 colour, vec3 gain) {
  float level = gain.z < 0.01 || gain.z > 0.99 ? gain.z : gain.x * luma(colour) + gain.y;
  return clamp(level * CONTRAST - (CONTRAST - 1.0) * 0.5, 0.0, 1.0);
}`;

const UNDYED = `
vec3 dyed(vec3 own, vec3 seen, float alpha) { return own; }`;

const DYE = `
uniform vec4 u_dyed; // 1 for hair and for lips that are dyed
uniform sampler2D u_hair; // the filter's a and b of its share
uniform sampler2D u_lips;
uniform sampler2D u_tables; // colours by intensity: hair above, lips below
vec3 dyed(vec3 own, vec3 seen, float alpha, sampler2D part, float row) {
  float share = min(alphaOf(seen, at0(part, v_frame).rgb), alpha);
  return mix(own, at0(u_tables, vec2((dot(own, LUMA) * 255.0 + 0.5) / 256.0, row)).rgb, share);
}
// own: the person's colour; seen: the frame's
vec3 dyed(vec3 own, vec3 seen, float alpha) {
  if (u_dyed.x > 0.0) own = dyed(own, seen, alpha, u_hair, 0.25);
  if (u_dyed.y > 0.0) own = dyed(own, seen, alpha, u_lips, 0.75);
  return own;
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
    vec2 at = v_at + 0.5 * float(k) * u_pixel.xy;
    vec3 colour = at0(u_small, at).rgb;
    float alpha = alphaOf(colour, at0(u_gain, at).rgb);
    // what is part person and part room says little of either
    vec2 clear = vec2(alpha, 1.0 - alpha);
    clear *= clear;
    clear *= clear;
    clear = clear * clear + 1e-4;
    person += clear.x * vec4(colour, 1.0);
    room += clear.y * vec4(colour, 1.0);
  }
  person /= 9.0;
  room /= 9.0;
}`;

/** The same along a column of 5, in three bilinear samples: the colour, and how much there was to take it from. */
export const COLOURS = `${HEAD}
uniform sampler2D u_person;
uniform sampler2D u_room;
uniform vec4 u_pixel;
layout(location = 0) out vec4 person;
layout(location = 1) out vec4 room;
vec4 gathered(sampler2D of) {
  vec2 off = 1.5 * u_pixel.xy;
  vec4 sum = 0.4 * (at0(of, v_at - off) + at0(of, v_at + off)) + 0.2 * at0(of, v_at);
  return vec4(sum.rgb / sum.a, min(20.0 * sum.a, 1.0));
}
void main() {
  person = gathered(u_person);
  room = gathered(u_room);
}`;

/** The room alone, small: its colours weighted by how much room is there, 4×4 pixels to one. */
export const EMPTIED = `${HEAD}
uniform sampler2D u_small;
uniform sampler2D u_gain;
uniform vec4 u_pixel;
out vec4 result;
${ALPHA}
void main() {
  result = vec4(0.0);
  for (int k = 0; k < 4; k++) {
    vec2 at = v_at + (vec2(k & 1, k >> 1) - 0.5) * 0.5 * u_pixel.xy;
    vec3 colour = at0(u_small, at).rgb;
    float room = 1.0 - alphaOf(colour, at0(u_gain, at).rgb);
    float weight = room * room + 1e-3;
    result += 0.25 * vec4(colour * weight, weight);
  }
}`;

/** A Gaussian in one direction; in the end the weights are taken out again. */
export const BLUR = `${HEAD}
uniform sampler2D u_from;
uniform vec4 u_pixel;
uniform bool u_last;
uniform float u_sigma;
out vec4 result;
void main() {
  result = vec4(0.0);
  // two pixels with each bilinear sample
  for (int k = -4; k <= 4; k++) {
    float off = 2.0 * float(k) + (k < 0 ? 0.5 : k > 0 ? -0.5 : 0.0);
    float weight = exp(-0.5 * off * off / (u_sigma * u_sigma)) * (k == 0 ? 0.5 : 1.0);
    result += at0(u_from, v_at + off * u_pixel.xy) * weight;
  }
  result = u_last ? vec4(result.rgb / result.a, 1.0) : result / 8.0;
}`;

/** A picture as large as the frame: filtered once, where it stands still, and not anew with each frame. */
export const FITTED = `${HEAD}
uniform sampler2D u_picture;
uniform float u_level; // of its mipmap
uniform vec4 u_cover; // the part of the picture that is seen: scale and offset
out vec4 result;
void main() { result = textureLod(u_picture, v_at * u_cover.xy + u_cover.zw, u_level); }`;

const BACKDROP = `
uniform float u_kind; // 0 two colours, 1 picture, 2 blur, 3 grey
uniform vec4 u_top;
uniform vec4 u_bottom;
uniform sampler2D u_picture; // as large as the frame
vec3 plain() { return mix(u_top.rgb, u_bottom.rgb, v_at.y); }
vec3 pictured() { return texelFetch(u_picture, ivec2(v_at * vec2(textureSize(u_picture, 0))), 0).rgb; }
`;

const person = (dye: string) => `${HEAD}
uniform sampler2D u_frame;
out vec4 result;
${ALPHA}
${dye}
void main() {
  vec3 colour = pixel(u_frame).rgb;
  result = vec4(dyed(colour, colour, 1.0), 1.0);
}`;

/** Where nothing but person is. Dyes have shaders of their own: even unused they cost a software renderer much. */
export const PERSON = person(UNDYED);
export const DYED_PERSON = person(DYE);

/** The background alone; of the room nothing is read. */
export const EMPTY = `${HEAD}
out vec4 result;
${BACKDROP}
void main() { result = vec4(u_kind == 1.0 ? pictured() : plain(), 1.0); }`;

/** A background that is made of the room, where nothing but room is. */
export const ROOM = `${HEAD}
uniform float u_kind;
uniform sampler2D u_frame;
uniform sampler2D u_blurred;
out vec4 result;
void main() {
  vec3 colour = u_kind == 2.0 ? at0(u_blurred, v_frame).rgb : vec3(dot(pixel(u_frame).rgb, LUMA));
  result = vec4(colour, 1.0);
}`;

const edge = (dye: string) => `${HEAD}
uniform sampler2D u_frame;
uniform sampler2D u_gain;
uniform sampler2D u_person;
uniform sampler2D u_room;
uniform sampler2D u_blurred;
out vec4 result;
${ALPHA}
${dye}
${BACKDROP}
vec3 behind(vec3 colour) {
  if (u_kind == 1.0) return pictured();
  if (u_kind == 2.0) return at0(u_blurred, v_frame).rgb;
  return u_kind == 3.0 ? vec3(dot(colour, LUMA)) : plain();
}
void main() {
  vec3 colour = pixel(u_frame).rgb;
  float alpha = alphaOf(colour, at0(u_gain, v_frame).rgb);
  vec4 person = at0(u_person, v_frame);
  vec4 room = at0(u_room, v_frame);
  vec3 line = person.rgb - room.rgb;
  float apart = dot(line, line);
  float told = clamp(dot(colour - room.rgb, line) / (apart + 2e-3), 0.0, 1.0);
  vec3 off = colour - room.rgb - told * line;
  // both sides are near, differ clearly, and the pixel lies on the line between them
  float trust = person.a * room.a * apart * apart / ((apart + 2e-3) * (apart + 30.0 * dot(off, off) + 1e-6));
  alpha = mix(alpha, told, trust);
  vec3 own = clamp(person.rgb + alpha * (colour - room.rgb - alpha * line), 0.0, 1.0);
  own = mix(own, colour, smoothstep(0.9, 1.0, alpha));
  result = vec4(mix(behind(colour), dyed(own, colour, alpha), alpha), 1.0);
}`;

/** Person before background where both are near. */
export const EDGE = edge(UNDYED);
export const DYED_EDGE = edge(DYE);
