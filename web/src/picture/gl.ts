/** A little WebGL2: programs over the whole target, textures, targets. Row 0 of a texture is its top row. */

const TILES = `#version 300 es
layout(location = 0) in vec2 a_corner; // in the frame
uniform bool u_canvas;
uniform bool u_mirror;
out vec2 v_at; // in the target
out vec2 v_frame; // in the frame, which may be mirrored
void main() {
  v_frame = a_corner;
  v_at = u_mirror ? vec2(1.0 - v_frame.x, v_frame.y) : v_frame;
  gl_Position = vec4(v_at * 2.0 - 1.0, 0.0, 1.0);
  if (u_canvas) gl_Position.y = -gl_Position.y;
}`;

export type Value = boolean | number | readonly number[] | WebGLTexture;

export interface Target {
  readonly width: number;
  readonly height: number;
  readonly framebuffer: WebGLFramebuffer;
  readonly textures: readonly WebGLTexture[];
}

const WHOLE = new Float32Array([0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1]);

/** A fragment shader that is drawn over a whole target or over tiles of it. */
export class Program {
  private readonly program: WebGLProgram;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  constructor(
    private readonly gl: WebGL2RenderingContext,
    fragment: string,
  ) {
    this.program = gl.createProgram();
    for (const [type, text] of [
      [gl.VERTEX_SHADER, TILES],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(type) as WebGLShader;
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
  }

  /**
   * Draw with these uniforms; a texture is bound to a unit of its own.
   *
   * target: null for the canvas; corners: x and y of triangles in 0..1, the whole target when left out.
   */
  draw(target: Target | null, values: Record<string, Value>, corners: Float32Array = WHOLE): void {
    const { gl } = this;
    if (corners.length === 0) return;
    gl.bindFramebuffer(gl.FRAMEBUFFER, target?.framebuffer ?? null);
    if (target) gl.viewport(0, 0, target.width, target.height);
    gl.useProgram(this.program);
    let unit = 0;
    for (const [name, value] of Object.entries({ u_canvas: target === null, u_mirror: false, ...values })) {
      const place = this.place(name);
      if (typeof value === "boolean") gl.uniform1i(place, Number(value));
      else if (typeof value === "number") gl.uniform1f(place, value);
      else if (Array.isArray(value)) gl.uniform4fv(place, [...value, 0, 0, 0].slice(0, 4));
      else {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, value as WebGLTexture);
        gl.uniform1i(place, unit++);
      }
    }
    gl.bufferData(gl.ARRAY_BUFFER, corners, gl.STREAM_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.drawArrays(gl.TRIANGLES, 0, corners.length / 2);
  }

  /** What is wrong with it, if anything. */
  fault(): string | null {
    const { gl, program } = this;
    if (gl.getProgramParameter(program, gl.LINK_STATUS) || gl.isContextLost()) return null;
    const shaders = gl.getAttachedShaders(program) ?? [];
    return [gl.getProgramInfoLog(program), ...shaders.map((one) => gl.getShaderInfoLog(one))].join("\n");
  }

  private place(name: string): WebGLUniformLocation | null {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    const place = this.gl.getUniformLocation(this.program, name);
    this.places.set(name, place);
    return place;
  }
}

/** A texture that is read with bilinear filtering and ends at its edge. */
export function texture(gl: WebGL2RenderingContext): WebGLTexture {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return made;
}

/** Something to draw into and read from later: one texture for each of the internal formats. */
export function target(gl: WebGL2RenderingContext, width: number, height: number, formats: number[]): Target {
  const framebuffer = gl.createFramebuffer();
  const textures = formats.map((format) => {
    const made = texture(gl);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    return made;
  });
  gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
  textures.forEach((one, at) => {
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + at, gl.TEXTURE_2D, one, 0);
  });
  gl.drawBuffers(textures.map((_, at) => gl.COLOR_ATTACHMENT0 + at));
  return { width, height, framebuffer, textures };
}

/** An RGBA8 target of that size: the old one where it fits, else a new one in its place. */
export function sized(gl: WebGL2RenderingContext, old: Target | null, width: number, height: number): Target {
  if (old?.width === width && old.height === height) return old;
  if (old) free(gl, old);
  return target(gl, width, height, [gl.RGBA8]);
}

export function free(gl: WebGL2RenderingContext, target: Target): void {
  gl.deleteFramebuffer(target.framebuffer);
  for (const one of target.textures) gl.deleteTexture(one);
}
