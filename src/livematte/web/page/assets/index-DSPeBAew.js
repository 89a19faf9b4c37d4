var e=Object.defineProperty,t=(t,n)=>{let r={};for(var i in t)e(r,i,{get:t[i],enumerable:!0});return n||e(r,Symbol.toStringTag,{value:`Module`}),r},n=new URL(`litert-compat-BAPPDVRG.bin`,import.meta.url).href,r=new URL(`litert-compat-J9eg3KVU.js`,import.meta.url).href,i=new URL(`litert-relaxed-BBC0P6jO.bin`,import.meta.url).href,a=new URL(`litert-relaxed-Ck8OTjgw.js`,import.meta.url).href,o=new URL(`litert-threaded-uRYzS3ba.bin`,import.meta.url).href,s=new URL(`litert-threaded-mlNghW4E.js`,import.meta.url).href,c=15e3,l=e=>new URL(e,document.baseURI).href,u={builds:{relaxed:{script:l(a),binary:l(i)},compat:{script:l(r),binary:l(n)},threaded:{script:l(s),binary:l(o)}},networks:l(`networks/`)},d=class extends Error{what;constructor(e,t){super(t),this.what=e}},f=class{wish;worker=new Worker(new URL(new URL(`worker-__gTbkxZ.js`,import.meta.url).href,``+import.meta.url));waiting=new Map;failure=null;last=0;constructor(e){this.wish=e,this.worker.onmessage=({data:e})=>{e.type===`failed`?this.fail(new d(e.what,e.message)):this.settle(e.type===`opened`?0:e.id,e)},this.worker.onerror=e=>this.fail(new d(`worker`,e.message||`the worker broke`)),this.worker.onmessageerror=()=>this.fail(new d(`worker`,`the worker is not understood`))}open(e,t){return this.ask(0,{type:`open`,files:u,wish:this.wish,width:e,height:t},null)}run(e,t){let n=++this.last;return this.ask(n,{type:`run`,id:n,shape:t,rgba:e},c,[e.buffer])}exact(e,t){let n=++this.last;return this.ask(n,{type:`exact`,id:n,shape:t,rgba:e},c)}reset(){this.worker.postMessage({type:`reset`})}close(){this.fail(new d(`worker`,`closed`))}ask(e,t,n,r=[]){return this.failure?Promise.reject(this.failure):new Promise((i,a)=>{let o=n===null?0:window.setTimeout(()=>this.fail(new d(`worker`,`no answer in ${c/1e3} s`)),n);this.waiting.set(e,{resolve:i,reject:a,timer:o}),this.worker.postMessage(t,r)})}settle(e,t){let n=this.waiting.get(e);this.waiting.delete(e),window.clearTimeout(n?.timer),n?.resolve(t)}fail(e){this.failure??=e,this.worker.terminate();for(let{reject:e,timer:t}of this.waiting.values())window.clearTimeout(t),e(this.failure);this.waiting.clear()}};function p(e,t){let{stage:n}=e;window.livematte={async segment(e,n){let r=new f(t),[i,a]=e;try{await r.open(a,i);let t=[],o=[];for(let i of n){let{mask:n,ms:a}=await r.exact(m(h(i)),e);t.push(g(new Uint8Array(n.buffer,n.byteOffset,n.byteLength))),o.push(a)}return{masks:t,ms:o}}finally{r.close()}},state:()=>({state:n.state,trouble:n.trouble,speed:n.speed,opened:n.opened}),stages:e=>n.measureStages(e),last(){if(!n.last)return null;let{shot:e,mask:t,before:r}=n.last;return{shape:e.shape,rgba:g(e.rgba),mask:g(t.mask),before:r&&g(r.mask)}}}}function m(e){let t=new Uint8Array(e.length/3*4);for(let n=0,r=0;n<e.length;n+=3,r+=4)t.set(e.subarray(n,n+3),r);return t}function h(e){return Uint8Array.from(atob(e),e=>e.charCodeAt(0))}function g(e){let t=``;for(let n=0;n<e.length;n+=8192)t+=String.fromCharCode(...e.subarray(n,n+8192));return btoa(t)}var _=[[.16,.18,.23],[.09,.1,.13]];function v(e){let t=Number.parseInt(e.slice(1),16);return[(t>>16)/255,(t>>8&255)/255,(t&255)/255]}function ee(e,t){let n=e.width/e.height/(t.width/t.height),[r,i]=n>1?[1/n,1]:[1,n];return[r,i,(1-r)/2,(1-i)/2]}var y=[`hair`,`lips`],te={hair:null,lips:null},ne={hair:.35,lips:.65},re=2.5,ie=1.2,b=e=>Math.min(Math.max(e,.03),.95),x=([e,t,n])=>.299*e+.587*t+.114*n;function ae(e,t,n){let r=ne[e],[i,a]=[b(n),b(x(t))],o=Math.min(ie,1/Math.max(...t,1/255)),s=t.map(e=>e*o),c=b(x(s)),l=i**r*a**(1-r),u=new Uint8Array(1024);for(let e=0;e<256;e++){let t=oe(e/255,i,l);s.forEach((n,r)=>{let i=t<c?n*t/c:n+(1-n)*(t-c)/(1-c);u[e*4+r]=Math.round(255*i)}),u[e*4+3]=255}return u}function oe(e,t,n){let r=Math.min(n/t,re),i=Math.min((1-n)/(1-t),1),a=Math.min(Math.sqrt(n/t),1,2*r,2*i),o=e-t,s=o<0?(a-r)/t:(i-a)/(1-t);return Math.min(Math.max(n+a*o+s*o*o,0),1)}var se=new URL(`lake-FMcHKh0l.webp`,import.meta.url).href,S=(e,t)=>({kind:`colour`,top:v(e),bottom:v(t)}),C=[{id:`blur`,label:`blur`,look:`tile-blur`,make:()=>({kind:`blur`,strength:.55})},{id:`lake`,label:`lake`,look:`tile-lake`,make:async()=>({kind:`picture`,picture:await createImageBitmap(await(await fetch(se)).blob())})},{id:`dusk`,label:`dusk`,look:`tile-dusk`,make:()=>S(`#2b2f5b`,`#f09a7a`)},{id:`mint`,label:`mint`,look:`tile-mint`,make:()=>S(`#d9f2e6`,`#6fb8a4`)},{id:`studio`,label:`studio`,look:`tile-studio`,make:()=>S(`#a9aeb5`,`#3f444c`)},{id:`grey`,label:`grey`,look:`tile-grey`,make:()=>({kind:`grey`})},{id:`key`,label:`key`,look:`tile-key`,make:()=>S(`#00b140`,`#00b140`)}];function ce(e){return{kind:`colour`,top:e,bottom:e}}var le=[`video/mp4;codecs=avc1.640028,mp4a.40.2`,`video/mp4;codecs=avc1,mp4a.40.2`,`video/webm;codecs=vp9,opus`,`video/webm;codecs=vp8,opus`,`video/webm`],ue=6e6,de=class{sound;recorder;parts=[];stream;begun=performance.now();constructor(e,t){this.sound=t,this.stream=e.captureStream(),t&&this.stream.addTrack(t);let n=le.find(e=>MediaRecorder.isTypeSupported(e)),r={videoBitsPerSecond:ue,...n&&{mimeType:n}};this.recorder=new MediaRecorder(this.stream,r),this.recorder.ondataavailable=({data:e})=>this.parts.push(e),this.recorder.start(1e3)}pause(){this.recorder.state===`recording`&&this.recorder.pause()}resume(){this.recorder.state===`paused`&&this.recorder.resume()}async stop(){this.recorder.state!==`inactive`&&await new Promise(e=>{this.recorder.addEventListener(`stop`,e,{once:!0}),this.recorder.stop()});for(let e of this.stream.getTracks())e.stop();let e=this.recorder.mimeType.split(`;`)[0]||`video/webm`;return new File(this.parts,w(e===`video/mp4`?`mp4`:`webm`),{type:e})}};async function fe(e,t){t();let n=await new Promise(t=>e.toBlob(t,`image/jpeg`,.93));if(!n)throw Error(`the picture could not be made`);return new File([n],w(`jpg`),{type:`image/jpeg`})}function w(e){return`livematte-${new Date(Date.now()-new Date().getTimezoneOffset()*6e4).toISOString().slice(0,19).replaceAll(`:`,``).replace(`T`,`-`)}.${e}`}var T=class extends Error{why;constructor(e){super(e),this.why=e}};async function pe(e,t){if(!navigator.mediaDevices)throw new T(`insecure`);let n={facingMode:e,width:{ideal:1280},height:{ideal:720},frameRate:{ideal:30}},r=await navigator.mediaDevices.getUserMedia({video:n}).catch(e=>{throw new T(me(e.name))}),i=ve();i.muted=!0;let[a]=r.getVideoTracks();a?.addEventListener(`ended`,t);let o=()=>{a?.removeEventListener(`ended`,t);for(let e of r.getTracks())e.stop();i.srcObject=null,i.remove()};try{await E(i,{srcObject:r})}catch(e){throw o(),e}return{kind:`camera`,picture:i,sound:he,close:o}}function me(e){return e===`NotFoundError`||e===`OverconstrainedError`?`none`:e===`NotReadableError`||e===`AbortError`?`busy`:`refused`}async function he(){return(await navigator.mediaDevices.getUserMedia({audio:!0}).catch(()=>null))?.getAudioTracks()[0]??null}async function ge(e){if(e.type.startsWith(`image/`)){let t=await createImageBitmap(e,{imageOrientation:`from-image`});return{kind:`photo`,picture:t,sound:async()=>null,close:()=>t.close()}}let t=ve(),n=URL.createObjectURL(e),r=()=>{t.pause(),URL.revokeObjectURL(n),t.remove()};try{await E(t,{src:n,loop:!0})}catch(e){throw r(),e}return{kind:`video`,picture:t,sound:async()=>ye(t),close:r}}async function _e(e){if(e.type.startsWith(`image/`))return createImageBitmap(e,{imageOrientation:`from-image`});let t=document.createElement(`video`);return t.muted=t.playsInline=!0,await E(t,{src:URL.createObjectURL(e),loop:!0}),t}async function E(e,t){Object.assign(e,{srcObject:null,...t}),await e.play()}function ve(){let e=document.createElement(`video`);return e.className=`player`,e.playsInline=!0,e.tabIndex=-1,e.setAttribute(`aria-hidden`,`true`),document.body.append(e),e}var D=new WeakMap;function ye(e){let t=D.get(e);if(!t){let n=new AudioContext;t=n.createMediaStreamDestination();let r=n.createMediaElementSource(e);r.connect(t),r.connect(n.destination),D.set(e,t)}return t.stream.getAudioTracks()[0]?.clone()??null}var be=`parts`,xe=.75;function O(e,t,n){let r=Math.log(e/t),i=e=>Math.abs(Math.log(e[1]/e[0])-r);return n.reduce((e,t)=>i(t)<i(e)?t:e)}function Se(e,t,n){let r=Math.max(...n.map(k)),i=n.filter(e=>k(e)<=xe*r);return O(e,t,i.length>0?i:n)}function k([e,t]){return e*t}var Ce=`#version 300 es
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
}`,we=new Float32Array([0,0,1,0,0,1,1,0,0,1,1,1]),Te=class{gl;program;places=new Map;constructor(e,t){this.gl=e,this.program=e.createProgram();for(let[n,r]of[[e.VERTEX_SHADER,Ce],[e.FRAGMENT_SHADER,t]]){let t=e.createShader(n);e.shaderSource(t,r),e.compileShader(t),e.attachShader(this.program,t)}e.linkProgram(this.program)}draw(e,t,n=we){let{gl:r}=this;if(n.length===0)return;r.bindFramebuffer(r.FRAMEBUFFER,e?.framebuffer??null),e&&r.viewport(0,0,e.width,e.height),r.useProgram(this.program);let i=0;for(let[n,a]of Object.entries({u_canvas:e===null,u_mirror:!1,...t})){let e=this.place(n);typeof a==`boolean`?r.uniform1i(e,Number(a)):typeof a==`number`?r.uniform1f(e,a):Array.isArray(a)?r.uniform4fv(e,[...a,0,0,0].slice(0,4)):(r.activeTexture(r.TEXTURE0+i),r.bindTexture(r.TEXTURE_2D,a),r.uniform1i(e,i++))}r.bufferData(r.ARRAY_BUFFER,n,r.STREAM_DRAW),r.enableVertexAttribArray(0),r.vertexAttribPointer(0,2,r.FLOAT,!1,0,0),r.drawArrays(r.TRIANGLES,0,n.length/2)}fault(){let{gl:e,program:t}=this;if(e.getProgramParameter(t,e.LINK_STATUS)||e.isContextLost())return null;let n=e.getAttachedShaders(t)??[];return[e.getProgramInfoLog(t),...n.map(t=>e.getShaderInfoLog(t))].join(`
`)}place(e){let t=this.places.get(e);if(t!==void 0)return t;let n=this.gl.getUniformLocation(this.program,e);return this.places.set(e,n),n}};function A(e){let t=e.createTexture();return e.bindTexture(e.TEXTURE_2D,t),e.texParameteri(e.TEXTURE_2D,e.TEXTURE_MIN_FILTER,e.LINEAR),e.texParameteri(e.TEXTURE_2D,e.TEXTURE_MAG_FILTER,e.LINEAR),e.texParameteri(e.TEXTURE_2D,e.TEXTURE_WRAP_S,e.CLAMP_TO_EDGE),e.texParameteri(e.TEXTURE_2D,e.TEXTURE_WRAP_T,e.CLAMP_TO_EDGE),t}function j(e,t,n,r){let i=e.createFramebuffer(),a=r.map(r=>{let i=A(e);return e.texStorage2D(e.TEXTURE_2D,1,r,t,n),i});return e.bindFramebuffer(e.FRAMEBUFFER,i),a.forEach((t,n)=>{e.framebufferTexture2D(e.FRAMEBUFFER,e.COLOR_ATTACHMENT0+n,e.TEXTURE_2D,t,0)}),e.drawBuffers(a.map((t,n)=>e.COLOR_ATTACHMENT0+n)),{width:t,height:n,framebuffer:i,textures:a}}function M(e,t,n,r){return t?.width===n&&t.height===r?t:(t&&N(e,t),j(e,n,r,[e.RGBA8]))}function N(e,t){e.deleteFramebuffer(t.framebuffer);for(let n of t.textures)e.deleteTexture(n)}var Ee=t({AVERAGE:()=>Ae,BLUR:()=>Pe,COEFFICIENTS:()=>Oe,COLOURS:()=>Me,DYED_EDGE:()=>Ve,DYED_PERSON:()=>Le,EDGE:()=>Be,EMPTIED:()=>Ne,EMPTY:()=>Re,FITTED:()=>Fe,GATHER:()=>je,PERSON:()=>Ie,ROOM:()=>ze,SHRINK:()=>De,SOLID:()=>ke}),P=`#version 300 es
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
`,De=`${P}
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
}`,Oe=`${P}
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
}`,ke=`${P}
uniform sampler2D u_mask;
out vec4 result;
void main() {
  float level = at0(u_mask, v_at).r;
  result = vec4(0.0, level, level, 1.0);
}`,Ae=`${P}
uniform sampler2D u_from;
uniform vec4 u_pixel;
out vec4 result;
void main() {
  vec2 off = 2.0 / 3.0 * u_pixel.xy;
  result = 0.25 * (at0(u_from, v_at - off) + at0(u_from, v_at + off)
    + at0(u_from, v_at + vec2(off.x, -off.y)) + at0(u_from, v_at + vec2(-off.x, off.y)));
}`,F=`
// spread around one half, so that what is nearly solid is solid
const float CONTRAST = 1.7;
// by the filter where the mask has an edge; elsewhere the mask itself
float alphaOf(vec3 colour, vec3 gain) {
  float level = gain.z < 0.01 || gain.z > 0.99 ? gain.z : gain.x * luma(colour) + gain.y;
  return clamp(level * CONTRAST - (CONTRAST - 1.0) * 0.5, 0.0, 1.0);
}`,I=`
vec3 dyed(vec3 own, vec3 seen, float alpha) { return own; }`,L=`
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
}`,je=`${P}
uniform sampler2D u_small;
uniform sampler2D u_gain;
uniform vec4 u_pixel;
layout(location = 0) out vec4 person;
layout(location = 1) out vec4 room;
${F}
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
}`,Me=`${P}
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
}`,Ne=`${P}
uniform sampler2D u_small;
uniform sampler2D u_gain;
uniform vec4 u_pixel;
out vec4 result;
${F}
void main() {
  result = vec4(0.0);
  for (int k = 0; k < 4; k++) {
    vec2 at = v_at + (vec2(k & 1, k >> 1) - 0.5) * 0.5 * u_pixel.xy;
    vec3 colour = at0(u_small, at).rgb;
    float room = 1.0 - alphaOf(colour, at0(u_gain, at).rgb);
    float weight = room * room + 1e-3;
    result += 0.25 * vec4(colour * weight, weight);
  }
}`,Pe=`${P}
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
}`,Fe=`${P}
uniform sampler2D u_picture;
uniform float u_level; // of its mipmap
uniform vec4 u_cover; // the part of the picture that is seen: scale and offset
out vec4 result;
void main() { result = textureLod(u_picture, v_at * u_cover.xy + u_cover.zw, u_level); }`,R=`
uniform float u_kind; // 0 two colours, 1 picture, 2 blur, 3 grey
uniform vec4 u_top;
uniform vec4 u_bottom;
uniform sampler2D u_picture; // as large as the frame
vec3 plain() { return mix(u_top.rgb, u_bottom.rgb, v_at.y); }
vec3 pictured() { return texelFetch(u_picture, ivec2(v_at * vec2(textureSize(u_picture, 0))), 0).rgb; }
`,z=e=>`${P}
uniform sampler2D u_frame;
out vec4 result;
${F}
${e}
void main() {
  vec3 colour = pixel(u_frame).rgb;
  result = vec4(dyed(colour, colour, 1.0), 1.0);
}`,Ie=z(I),Le=z(L),Re=`${P}
out vec4 result;
${R}
void main() { result = vec4(u_kind == 1.0 ? pictured() : plain(), 1.0); }`,ze=`${P}
uniform float u_kind;
uniform sampler2D u_frame;
uniform sampler2D u_blurred;
out vec4 result;
void main() {
  vec3 colour = u_kind == 2.0 ? at0(u_blurred, v_frame).rgb : vec3(dot(pixel(u_frame).rgb, LUMA));
  result = vec4(colour, 1.0);
}`,B=e=>`${P}
uniform sampler2D u_frame;
uniform sampler2D u_gain;
uniform sampler2D u_person;
uniform sampler2D u_room;
uniform sampler2D u_blurred;
out vec4 result;
${F}
${e}
${R}
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
}`,Be=B(I),Ve=B(L),V=2,H=4,He=2,Ue=38,We=217;function U(e,[t,n]){let[r,i]=[Math.ceil(t/H),Math.ceil(n/H)],a=qe(e,t,n,r,i),o=[],s=[];for(let e=0;e<r;e++)s=Ge(a,e,i).map(e=>{let t=s.find(t=>t.kind===e.kind&&t.from===e.from&&t.to===e.to);return t?t.bottom=e.bottom:o.push(e),t??e});let c=e=>new Float32Array(o.filter(t=>t.kind===e).flatMap(e=>Ke(e,t,n)));return{person:c(`person`),room:c(`room`),edge:c(`edge`)}}function Ge(e,t,n){let r=[],i=0;for(let a=1;a<=n;a++){let o=e[t*n+i];a<n&&e[t*n+a]===o||(r.push({kind:o,from:i,to:a,top:t,bottom:t+1}),i=a)}return r}function Ke({from:e,to:t,top:n,bottom:r},i,a){let[o,s]=[e,t].map(e=>Math.min(1,e*H/a)),[c,l]=[n,r].map(e=>Math.min(1,e*H/i));return[o,c,s,c,o,l,s,c,o,l,s,l]}function qe(e,t,n,r,i){let a=new Uint8Array(r*i);for(let r=0,o=0;r<t;r++){let t=(r>>V)*i;for(let r=0;r<n;r++,o++){let n=e[o],i=n<=Ue?2:n>=We?1:3;a[t+(r>>V)]=a[t+(r>>V)]|i}}return W(a,r,i,i,1),W(a,i,1,r,i),Array.from(a,e=>e===2?`room`:e===1?`person`:`edge`)}function W(e,t,n,r,i){let a=new Uint8Array(r+4);for(let o=0;o<t;o++){for(let t=0;t<r;t++)a[t+He]=e[o*n+t*i];for(let t=0;t<r;t++){let r=0;for(let e=0;e<=4;e++)r|=a[t+e];e[o*n+t*i]=r}}}var Je=64,G=[.8,3.2],Ye=4,K=class extends Error{},Xe=class{canvas;gl;programs;slots;mask;picture;tables;read;shown=null;behindAll=null;targets=null;mirror=!0;dyes=te;onlap=null;constructor(e){this.canvas=e;let t=e.getContext(`webgl2`,{alpha:!1,antialias:!1,depth:!1,stencil:!1});if(!t)throw new K(`WebGL2 is missing`);if(this.gl=t,!t.getExtension(`EXT_color_buffer_float`)&&!t.getExtension(`EXT_color_buffer_half_float`))throw new K(`WebGL2 cannot draw into half floats`);t.pixelStorei(t.UNPACK_ALIGNMENT,1);let n=Object.entries(Ee).map(([e,n])=>[e,new Te(t,n)]);for(let[e,t]of n){let n=t.fault();if(n)throw new K(`shader ${e}: ${n}`)}this.programs=Object.fromEntries(n),this.slots=Array.from({length:Ye},()=>({texture:A(t),small:null})),this.mask=A(t),this.picture=A(t),this.tables=A(t),this.read=t.createBuffer(),t.bindBuffer(t.ARRAY_BUFFER,t.createBuffer())}get lost(){return this.gl.isContextLost()}async take(e,t,n,r){let{gl:i}=this,[a,o]=q(e),s=this.slots.find(e=>!n.some(t=>t?.texture===e.texture));i.bindTexture(i.TEXTURE_2D,s.texture),i.texImage2D(i.TEXTURE_2D,0,i.RGBA8,i.RGBA,i.UNSIGNED_BYTE,e);let c=M(this.gl,s.small,t[1],t[0]);s.small=c,this.lap(`upload`);let l=[a/c.width,o/c.height].map(e=>Math.max(1,Math.ceil(e/2-.1))),u=[1/c.width,1/c.height];this.programs.SHRINK.draw(c,{u_frame:s.texture,u_step:u,u_taps:l});let d=await this.readBack(c,r);return this.lap(`shrink and read`),{texture:s.texture,small:Y(c),width:a,height:o,shape:t,rgba:d}}show(e,t,n,r){let{programs:i}=this,{gain:a,gathered:o,colours:s,blur:c}=this.fit(e.shape,e.width,e.height),l=e.small,u=U(t,e.shape);this.lap(`tiles`),this.filter(e,t,a,u);let d=Y(a);this.lap(`guided filter`),i.GATHER.draw(o,{u_small:l,u_gain:d,u_pixel:[1/o.width,0]}),i.COLOURS.draw(s,{u_person:Y(o),u_room:Qe(o),u_pixel:[0,1/s.height]}),this.lap(`colours`);let[f,p,m]=c;if(r.kind===`blur`){let e=G[0]+(G[1]-G[0])*r.strength,[t,n]=[[1/p.width,0],[0,1/p.height]];i.EMPTIED.draw(f,{u_small:l,u_gain:d,u_pixel:X(f)}),i.BLUR.draw(p,{u_from:Y(f),u_pixel:t,u_last:!1,u_sigma:e}),i.BLUR.draw(m,{u_from:Y(p),u_pixel:n,u_last:!0,u_sigma:e})}this.lap(`blur`);let h=this.dyed(e,n);this.lap(`dyes`);let g={u_mirror:this.mirror,u_frame:e.texture,...h,...this.behind(r,e)};this.frame(e.width,e.height);let _=Y(m),v=h!==null;(v?i.DYED_PERSON:i.PERSON).draw(null,g,u.person),J(r)?i.ROOM.draw(null,{...g,u_blurred:_},u.room):i.EMPTY.draw(null,g,u.room);let ee={u_gain:d,u_person:Y(s),u_room:Qe(s),u_blurred:_};(v?i.DYED_EDGE:i.EDGE).draw(null,{...g,...ee},u.edge),this.lap(`compose`)}filter(e,t,n,{person:r,room:i,edge:a}){let{gl:o,programs:s}=this,{coefficients:c}=this.fit(e.shape,e.width,e.height),[l,u]=e.shape;o.activeTexture(o.TEXTURE0),o.bindTexture(o.TEXTURE_2D,this.mask),o.texImage2D(o.TEXTURE_2D,0,o.R8,u,l,0,o.RED,o.UNSIGNED_BYTE,t);let d=X(c),f=this.mask;for(let e of[c,n])for(let t of[r,i])s.SOLID.draw(e,{u_mask:f},t);s.COEFFICIENTS.draw(c,{u_small:e.small,u_mask:f,u_pixel:d},a),s.AVERAGE.draw(n,{u_from:Y(c),u_pixel:d},a)}dyed(e,t){let{gl:n}=this,r=this.fit(e.shape,e.width,e.height).parts,i=new Uint8Array(2048),a=y.map((n,a)=>{let[o,s,c]=[this.dyes[n],t?.lights[a],t?.levels[a]];return!o||!c||s==null?0:(i.set(ae(n,o,s),a*256*4),this.filter(e,c,r[a],U(c,e.shape)),1)});if(!a.includes(1))return null;n.activeTexture(n.TEXTURE0),n.bindTexture(n.TEXTURE_2D,this.tables),n.texImage2D(n.TEXTURE_2D,0,n.RGBA8,256,2,0,n.RGBA,n.UNSIGNED_BYTE,i);let[o,s]=r.map(Y);return{u_dyed:a,u_hair:o,u_lips:s,u_tables:this.tables}}empty(e,t,n){let r=this.behind(e,{width:t,height:n});this.frame(t,n),this.programs.EMPTY.draw(null,J(e)?{...r,u_kind:0}:r)}held=!1;lap(e){this.onlap&&(this.finish(),this.onlap(e))}finish(){let{gl:e}=this;e.bindFramebuffer(e.FRAMEBUFFER,null),e.readPixels(0,0,1,1,e.RGBA,e.UNSIGNED_BYTE,new Uint8Array(4))}frame(e,t){let{gl:n,canvas:r}=this;this.held||r.width===e&&r.height===t||(r.width=e,r.height=t),n.bindFramebuffer(n.FRAMEBUFFER,null);let i=Math.min(r.width/e,r.height/t),[a,o]=[Math.round(e*i),Math.round(t*i)];(a!==r.width||o!==r.height)&&n.clear(n.COLOR_BUFFER_BIT),n.viewport(r.width-a>>1,r.height-o>>1,a,o)}behind(e,t){let[n,r]=e.kind===`colour`?[e.top,e.bottom]:_,i={u_kind:{colour:0,picture:1,blur:2,grey:3}[e.kind],u_top:n,u_bottom:r,u_picture:this.picture};if(e.kind!==`picture`)return i;let a=this.fitted(e,t.width,t.height);return a?{...i,u_picture:Y(a)}:{...i,u_kind:0}}fitted(e,t,n){let{gl:r}=this,{picture:i}=e,a=i instanceof HTMLVideoElement;if(a&&i.readyState<HTMLMediaElement.HAVE_CURRENT_DATA)return null;let o=M(r,this.behindAll,t,n);if(o===this.behindAll&&!a&&this.shown===e)return o;this.behindAll=o,r.activeTexture(r.TEXTURE0),r.bindTexture(r.TEXTURE_2D,this.picture),r.texParameteri(r.TEXTURE_2D,r.TEXTURE_MIN_FILTER,a?r.LINEAR:r.LINEAR_MIPMAP_NEAREST),r.texImage2D(r.TEXTURE_2D,0,r.RGBA8,r.RGBA,r.UNSIGNED_BYTE,i),a||r.generateMipmap(r.TEXTURE_2D);let[s,c]=q(i),l=ee({width:s,height:c},{width:t,height:n}),u=a?0:Math.max(0,Math.round(Math.log2(s*l[0]/t)));return this.programs.FITTED.draw(o,{u_picture:this.picture,u_cover:l,u_level:u}),this.shown=e,o}fit(e,t,n){let{gl:r}=this,i=[...e,t,n].join();if(this.targets?.key===i)return this.targets;for(let e of Object.values(this.targets??{}).flat())$e(e)&&N(r,e);let[a,o]=e,s=Je/Math.max(t,n),c=e=>j(r,Math.round(t*s),Math.round(n*s),[e]);return this.targets={key:i,coefficients:j(r,o>>1,a>>1,[r.RGBA16F]),gain:j(r,o>>1,a>>1,[r.RGBA16F]),parts:y.map(()=>j(r,o>>1,a>>1,[r.RGBA16F])),gathered:j(r,o>>2,a>>2,[r.RGBA16F,r.RGBA16F]),colours:j(r,o>>2,a>>2,[r.RGBA8,r.RGBA8]),blur:[c(r.RGBA16F),c(r.RGBA16F),c(r.RGBA8)]},this.targets}async readBack(e,t){let{gl:n}=this,r=e.width*e.height*4;n.bindFramebuffer(n.FRAMEBUFFER,e.framebuffer),n.bindBuffer(n.PIXEL_PACK_BUFFER,this.read),n.bufferData(n.PIXEL_PACK_BUFFER,r,n.STREAM_READ),n.readPixels(0,0,e.width,e.height,n.RGBA,n.UNSIGNED_BYTE,0),n.bindBuffer(n.PIXEL_PACK_BUFFER,null);let i=n.fenceSync(n.SYNC_GPU_COMMANDS_COMPLETE,0);for(n.flush();i&&n.clientWaitSync(i,0,0)===n.TIMEOUT_EXPIRED;)await Ze();n.deleteSync(i);let a=t?.length===r?t:new Uint8Array(r);return n.bindBuffer(n.PIXEL_PACK_BUFFER,this.read),n.getBufferSubData(n.PIXEL_PACK_BUFFER,0,a),n.bindBuffer(n.PIXEL_PACK_BUFFER,null),a}};function q(e){return e instanceof HTMLVideoElement?[e.videoWidth,e.videoHeight]:[e.width,e.height]}var J=({kind:e})=>e===`blur`||e===`grey`,Ze=()=>new Promise(e=>setTimeout(e,1)),Y=e=>e.textures[0],X=e=>[1/e.width,1/e.height],Qe=e=>e.textures[1];function $e(e){return typeof e==`object`&&!!e&&`framebuffer`in e}var et=1500,tt=45,nt=30,rt=2,it=class{canvas;wish;state=`idle`;trouble=null;speed={fps:0,ms:0,network:0};opened=null;last=null;onchange=()=>{};compositor=null;network=null;opening=null;source=null;backdropNow;mirrorNow=!0;dyesNow=te;heldNow=!1;next=null;taking=!1;running=null;light=!1;slow=0;spare=null;epoch=0;failures=0;followed=0;lastMask=0;shown=[];constructor(e,t,n){this.canvas=e,this.wish=t,this.backdropNow=n,e.addEventListener(`webglcontextlost`,e=>{e.preventDefault(),this.compositor=null,this.fail(`graphics`)}),e.addEventListener(`webglcontextrestored`,()=>this.retry()),document.addEventListener(`visibilitychange`,()=>this.rest()),window.setInterval(()=>this.watch(),250)}prepare(){this.ensureNetwork(4,3).catch(()=>{})}play(e){this.source=e,this.failures=0,this.restart(e?`waiting`:`idle`),e&&(e instanceof HTMLVideoElement?this.follow(e):this.arrive())}lose(){this.source=null,this.fail(`source`)}retry(){this.trouble=null,this.play(this.source)}set backdrop(e){this.backdropNow=e,this.redraw(),e.kind===`picture`&&e.picture instanceof HTMLVideoElement&&this.followBackground(e,e.picture)}get backdrop(){return this.backdropNow}set mirror(e){this.mirrorNow=e,this.redraw()}get mirror(){return this.mirrorNow}set dyes(e){let t=this.wishNow.network;this.dyesNow=e,this.wishNow.network===t?this.redraw():this.change()}change(){this.network?.close(),this.network=null,this.source&&this.state!==`failed`&&(this.restart(`waiting`),this.arrive())}get wishNow(){let{hair:e,lips:t}=this.dyesNow;return e||t?{...this.wish,network:be}:this.wish}set held(e){this.heldNow=e,this.compositor&&(this.compositor.held=e)}redraw(){this.state===`live`&&this.last?this.compose():this.drawEmpty()}async measureStages(e){let{source:t,compositor:n,network:r}=this;if(!t||!n||!r)throw Error(`nothing is played`);let i=await this.shapeFor(...q(t)),a={},o=0,s=(e,t)=>{a[e]=[...a[e]??[],t]},c=e=>{s(e,performance.now()-o),o=performance.now()},l=async()=>{let e=await n.take(t,i,[],null);o=performance.now();let a=await r.run(e.rgba,e.shape);n.onlap&&(c(`network and messages`),s(`network`,a.ms)),o=performance.now(),n.show({...e,rgba:a.rgba},a.mask,a.parts,this.backdropNow)};for(this.source=null;this.taking||this.running;)await new Promise(e=>setTimeout(e,5));try{for(let t=0;t<e;t++){n.onlap=c,o=performance.now(),await l(),n.onlap=null;let e=performance.now();await l(),n.finish(),s(`whole`,performance.now()-e)}}finally{n.onlap=null,this.play(t)}return a}restart(e){this.epoch++,this.next=null,this.last=null,this.network?.reset(),this.shown=[],this.enter(e),this.drawEmpty()}enter(e){this.state=e,e!==`failed`&&(this.trouble=null),this.onchange()}fail(e){this.trouble=e,this.restart(`failed`)}follow(e){let t=++this.followed,n=()=>{t===this.followed&&e===this.source&&(e.requestVideoFrameCallback(n),this.arrive())};e.requestVideoFrameCallback(n),e.readyState>=HTMLMediaElement.HAVE_CURRENT_DATA&&this.arrive()}followBackground(e,t){let n=()=>{e===this.backdropNow&&(t.requestVideoFrameCallback(n),this.state===`live`&&this.moving||this.redraw())};t.requestVideoFrameCallback(n)}get moving(){return this.source instanceof HTMLVideoElement&&!this.source.paused}async arrive(){let{source:e,epoch:t}=this;if(!e||this.taking||this.state===`failed`||document.hidden)return;let[n,r]=q(e);if(n===0)return;let i=this.ensureCompositor();if(!i)return;this.taking=!0;let a=performance.now();try{let o=await this.shapeFor(n,r),s=[this.last?.shot,this.running,this.next?.shot],c=await i.take(e,o,s,this.spare);this.spare=null,t===this.epoch&&(this.next={shot:c,arrived:a})}catch(e){t===this.epoch&&(e instanceof d?this.broke(e):this.fail(`graphics`))}finally{this.taking=!1}t===this.epoch?this.segment():this.arrive()}async shapeFor(e,t){let n=await this.ensureNetwork(e,t);return this.light?Se(e,t,n):O(e,t,n)}async segment(){let{network:e,next:t,epoch:n}=this;if(!e||!t||this.running)return;let{shot:r,arrived:i}=t;this.running=r,this.next=null;try{let t=await e.run(r.rgba,r.shape);this.running=null,this.segment(),n===this.epoch&&this.present({...r,rgba:t.rgba},t,i)}catch(e){this.running=null,n===this.epoch?this.broke(e):this.segment()}}present(e,t,n){let r=this.last;this.last={shot:e,mask:t,before:r?.mask??null},this.failures=0,this.lastMask=performance.now(),this.compose()&&(this.spare=r?.shot.rgba??null,this.measure(t.ms,performance.now()-n),this.state!==`live`&&this.enter(`live`))}compose(){if(!this.last||!this.compositor||this.compositor.lost)return!1;let{shot:e,mask:t}=this.last;return this.compositor.mirror=this.mirrorNow,this.compositor.dyes=this.dyesNow,this.compositor.show(e,t.mask,t.parts,this.backdropNow),!0}measure(e,t){let n=performance.now();this.shown=[...this.shown.filter(e=>e>n-1e3),n];let r=(e,t)=>e?e+(t-e)*.1:t;this.speed={fps:this.shown.length,ms:r(this.speed.ms,t),network:r(this.speed.network,e)},e<tt?this.slow=0:++this.slow===nt&&(this.light=!0)}async ensureNetwork(e,t){return this.network&&this.opening||(this.network=new f(this.wishNow),this.opening=this.network.open(e,t).then(e=>(this.opened=e,e))),(await this.opening).shapes}broke(e){this.network?.close(),this.network=null,this.failures++;let t=e instanceof d?e.what:`runtime`;t===`network`&&(this.light=!1),this.failures>=rt||t===`network`?this.fail(t):(this.restart(`waiting`),this.arrive())}ensureCompositor(){if(this.compositor&&!this.compositor.lost)return this.compositor;try{return this.compositor=new Xe(this.canvas),this.compositor.held=this.heldNow,this.drawEmpty(),this.compositor}catch{return this.compositor=null,this.fail(`graphics`),null}}drawEmpty(){if(!this.compositor||this.compositor.lost)return;let[e,t]=this.source?q(this.source):[this.canvas.width,this.canvas.height];this.compositor.empty(this.backdropNow,e||this.canvas.width,t||this.canvas.height)}rest(){this.source&&this.state!==`failed`&&(this.restart(`waiting`),document.hidden||this.play(this.source))}watch(){let e=performance.now()-this.lastMask>et;this.state===`live`&&this.moving&&e&&this.restart(`waiting`)}},at={en:{title:`livematte: your video, another place`,private:`Everything stays on this device`,privateLong:`Nothing is uploaded. The network, your picture and your recordings stay on this device.`,otherLanguage:`中文`,welcome:`Be somewhere else`,welcomeText:`Puts you before another background, live, as you move.`,start:`Use the camera`,choose:`Choose a video or photo`,video:`Your picture with its new background`,background:`Background`,blur:`Blur`,grey:`Grey`,lake:`Lake`,dusk:`Dusk`,mint:`Mint`,studio:`Studio`,key:`Green`,colour:`Colour`,own:`Your own`,ownLabel:`Your own background photo or video`,strength:`Strength`,hair:`Hair`,hairColour:`Colour of the hair`,lips:`Lips`,lipsColour:`Colour of the lips`,flip:`Other camera`,mirror:`Mirror`,photo:`Photo`,record:`Record`,stop:`Stop`,source:`Source`,waiting:`One moment…`,loading:`Loading the network…`,speed:`Pictures a second, and milliseconds for each`,fps:`fps`,ms:`ms`,again:`Try again`,save:`Save`,share:`Share`,close:`Close`,taken:`Your photo`,recorded:`Your recording`,silent:`Recording without sound: there is no microphone, or it was not allowed.`,refused:`The camera was not allowed. Allow it for this page in the browser's settings, then try again.`,none:`No camera was found. Plug one in, or choose a video or photo.`,busy:`The camera does not answer. Another program may be using it.`,insecure:`Browsers give a camera only to pages that come by https or from this device itself.`,source_:`The camera was taken away.`,network:`The network's file could not be loaded. Check the connection, then try again.`,runtime:`The network could not run in this browser.`,numbers:`The network gave no sensible answer. Nothing is shown, to be safe.`,worker:`The network stopped. Nothing is shown, to be safe.`,graphics:`The graphics stopped, or this browser lacks WebGL2.`,unreadable:`This browser cannot read that file.`,unrecorded:`This browser cannot record.`,unshared:`The file could not be shared. You can save it.`},zh:{title:`livematte：换个地方出镜`,private:`一切都在本机处理`,privateLong:`不会上传任何内容。网络、画面和录像都只留在这台设备上。`,otherLanguage:`English`,welcome:`换个地方`,welcomeText:`实时把你放到另一个背景前，随你而动。`,start:`打开摄像头`,choose:`选择视频或照片`,video:`换好背景的画面`,background:`背景`,blur:`虚化`,grey:`黑白`,lake:`湖畔`,dusk:`黄昏`,mint:`薄荷`,studio:`影棚`,key:`绿幕`,colour:`颜色`,own:`自选`,ownLabel:`自选背景照片或视频`,strength:`强度`,hair:`头发`,hairColour:`头发颜色`,lips:`嘴唇`,lipsColour:`嘴唇颜色`,flip:`切换镜头`,mirror:`镜像`,photo:`拍照`,record:`录像`,stop:`停止`,source:`来源`,waiting:`请稍候…`,loading:`正在载入网络…`,speed:`每秒帧数与每帧毫秒数`,fps:`帧/秒`,ms:`毫秒`,again:`重试`,save:`保存`,share:`分享`,close:`关闭`,taken:`你的照片`,recorded:`你的录像`,silent:`没有声音：未找到麦克风或未获允许。`,refused:`未获准使用摄像头。请在浏览器设置中允许本页使用，然后重试。`,none:`未找到摄像头。请接上摄像头，或选择视频或照片。`,busy:`摄像头没有响应，可能正被其他程序使用。`,insecure:`浏览器只允许 https 页面或本机页面使用摄像头。`,source_:`摄像头已断开。`,network:`无法载入网络文件。请检查连接后重试。`,runtime:`网络无法在此浏览器中运行。`,numbers:`网络的结果无效。为安全起见，不显示画面。`,worker:`网络已停止。为安全起见，不显示画面。`,graphics:`图形处理已停止，或此浏览器不支持 WebGL2。`,unreadable:`此浏览器无法读取该文件。`,unrecorded:`此浏览器无法录像。`,unshared:`无法分享，你可以保存文件。`}},ot=`livematte-language`,Z=st();function st(){let e=null;try{e=localStorage.getItem(ot)}catch{}return e===`en`||e===`zh`?e:navigator.language.toLowerCase().startsWith(`zh`)?`zh`:`en`}function Q(e){return at[Z][e]}function ct(){Z=Z===`en`?`zh`:`en`;try{localStorage.setItem(ot,Z)}catch{}}function lt(e){e.documentElement.lang=Z===`zh`?`zh-CN`:`en`,e.title=Q(`title`);for(let t of e.querySelectorAll(`[data-text]`))t.textContent=Q(t.dataset.text);for(let t of e.querySelectorAll(`[data-label]`)){let e=Q(t.dataset.label);t.setAttribute(`aria-label`,e),t.matches(`button, label`)&&(t.title=e)}}var ut=C[0],dt=5e3,ft={network:`network`,runtime:`runtime`,numbers:`numbers`,worker:`worker`,graphics:`graphics`,source:`source_`};function $(e){return document.getElementById(e)}var pt=class{stage;canvas=$(`canvas`);source=null;facing=`user`;turn=0;opening=!1;recorder=null;problem=null;result=null;custom=`#4d7cfe`;constructor(e){this.stage=new it(this.canvas,e,{kind:`blur`,strength:.55}),this.stage.onchange=()=>this.show(),this.makeTiles(),this.listen(),this.speak(),this.stage.prepare(),window.setInterval(()=>this.tick(),500)}listen(){let e=(e,t)=>$(e).addEventListener(`click`,()=>void t());e(`start`,()=>this.useCamera()),e(`again`,()=>this.retry()),e(`flip`,()=>this.flip()),e(`mirror`,()=>this.setMirror(!this.stage.mirror)),e(`photo`,()=>this.takePhoto()),e(`record`,()=>this.record()),e(`share`,()=>this.share()),e(`close`,()=>$(`result`).close()),e(`language`,()=>{ct(),this.speak()});for(let e of[`choose`,`choose-other`]){let t=$(e);t.addEventListener(`change`,()=>{let e=t.files?.[0];e&&this.useFile(e),t.value=``})}$(`strength`).addEventListener(`input`,()=>this.setStrength());for(let e of y)$(`${e}-on`).addEventListener(`change`,()=>this.setDyes()),$(e).addEventListener(`input`,()=>{$(`${e}-on`).checked=!0,this.setDyes()});$(`result`).addEventListener(`close`,()=>this.forgetResult()),document.addEventListener(`visibilitychange`,()=>{document.hidden?this.recorder?.pause():this.recorder?.resume()})}async useCamera(){await this.use(()=>pe(this.facing,()=>this.lost()),this.facing===`user`)}async useFile(e){await this.use(()=>ge(e),!1)}async use(e,t){let n=++this.turn;this.leave(),this.problem=null,this.opening=!0,this.show();try{let r=await e();if(n!==this.turn)return r.close();this.source=r,this.opening=!1,this.setMirror(t),this.stage.play(r.picture)}catch(e){if(n!==this.turn)return;this.opening=!1,this.say(e instanceof T?e.why:`unreadable`)}}async flip(){this.source?.kind===`camera`&&(this.facing=this.facing===`user`?`environment`:`user`),await this.useCamera()}leave(){this.stage.play(null),this.source?.close(),this.source=null}lost(){this.source?.close(),this.source=null,this.stage.lose()}async retry(){this.source&&!this.problem?this.stage.retry():await this.useCamera()}makeTiles(){let e=$(`tiles`);for(let{id:t,label:n,look:r,make:i}of C){let{tile:a,input:o}=mt(t,n,r);o.checked=t===ut.id,o.addEventListener(`change`,async()=>{this.put(await i())}),e.append(a)}e.append(this.colourTile(),this.ownTile())}colourTile(){let e=document.createElement(`label`);e.className=`tile tile-colour`,e.innerHTML=`<input type="color" data-label="colour"><i></i><span data-text="colour"></span>`;let t=e.querySelector(`input`);t.value=this.custom;let n=e.querySelector(`i`);return t.addEventListener(`input`,()=>{n.style.background=t.value,this.unmark(e),this.put(ce(v(t.value)))}),e}ownTile(){let e=document.createElement(`label`);e.className=`tile tile-own`,e.innerHTML=`<input type="file" accept="image/*,video/*" data-label="ownLabel"><i><svg aria-hidden="true"><use href="#i-plus"/></svg></i><span data-text="own"></span>`;let t=e.querySelector(`input`),n=e.querySelector(`i`);return t.addEventListener(`change`,async()=>{let r=t.files?.[0];if(t.value=``,r)try{let t=await _e(r);this.put({kind:`picture`,picture:t}),n.style.backgroundImage=t instanceof ImageBitmap?`url("${URL.createObjectURL(r)}")`:``,this.unmark(e)}catch{this.say(`unreadable`)}}),e}put(e){let t=this.stage.backdrop;this.stage.backdrop=e,t.kind===`picture`&&t.picture instanceof HTMLVideoElement&&(t.picture.pause(),URL.revokeObjectURL(t.picture.src)),this.setStrength()}unmark(e){for(let e of document.querySelectorAll(`#tiles input[type=radio]`))e.checked=!1;for(let t of document.querySelectorAll(`.tile`))t.classList.toggle(`chosen`,t===e)}setStrength(){let{backdrop:e}=this.stage;$(`strength-row`).hidden=e.kind!==`blur`;let t=Number($(`strength`).value)/100;if(e.kind===`blur`&&e.strength!==t&&(this.stage.backdrop={kind:`blur`,strength:t}),document.querySelector(`#tiles input[type=radio]:checked`))for(let e of document.querySelectorAll(`.tile`))e.classList.remove(`chosen`)}setDyes(){let e=e=>$(`${e}-on`).checked?v($(e).value):null;this.stage.dyes={hair:e(`hair`),lips:e(`lips`)}}setMirror(e){this.stage.mirror=e,$(`mirror`).setAttribute(`aria-pressed`,String(e))}async takePhoto(){this.offer(await fe(this.canvas,()=>this.stage.redraw()),`taken`)}async record(){let e=$(`record`);if(e.disabled=!0,this.recorder){let{recorder:e}=this;this.recorder=null,this.stage.held=!1,this.offer(await e.stop(),`recorded`,e.sound||this.source?.kind!==`camera`?null:`silent`)}else{if(!this.source)return;let e=await this.source.sound();try{this.recorder=new de(this.canvas,e)}catch{e?.stop(),this.say(`unrecorded`);return}this.stage.held=!0,this.stage.redraw()}e.setAttribute(`aria-pressed`,String(this.recorder!==null)),this.show(),this.tick()}offer(e,t,n=null){this.result=e;let r=URL.createObjectURL(e),i=document.createElement(t===`taken`?`img`:`video`);i.src=r,i instanceof HTMLVideoElement?i.controls=i.playsInline=!0:i.alt=Q(t),$(`preview`).replaceChildren(i),$(`result-title`).textContent=Q(t),$(`result-note`).textContent=n?Q(n):``;let a=$(`save`);a.href=r,a.download=e.name,$(`share`).hidden=!navigator.canShare?.({files:[e]}),$(`result`).showModal()}async share(){this.result&&await navigator.share({files:[this.result]}).catch(e=>{e.name!==`AbortError`&&($(`result-note`).textContent=Q(`unshared`))})}forgetResult(){URL.revokeObjectURL($(`save`).href),$(`preview`).replaceChildren(),this.result=null}say(e){this.problem=e,this.show(),this.source&&window.setTimeout(()=>{this.problem===e&&(this.problem=null),this.show()},dt)}speak(){lt(document),this.show(),this.tick()}show(){let{state:e,trouble:t,opened:n}=this.stage;document.body.dataset.state=this.problem?`problem`:e;let r=this.problem??(t?ft[t]:null),i=e===`waiting`||this.opening?n?`waiting`:`loading`:null;$(`welcome`).hidden=e!==`idle`||this.opening||r!==null;let a=r??i;$(`notice`).hidden=a===null,$(`notice-text`).textContent=a?Q(a):``,$(`again`).hidden=r===null||this.problem!==null&&this.source!==null,this.canvas.classList.toggle(`covered`,t===`graphics`),n&&($(`dyes`).hidden=!n.offersParts);let o=e===`live`;for(let e of[`photo`,`record`])$(e).disabled=!o&&!(e===`record`&&this.recorder);$(`record-text`).textContent=Q(this.recorder?`stop`:`record`),$(`speed`).hidden=!o}tick(){let{speed:e}=this.stage,t=this.source?.kind===`photo`;if($(`speed`).textContent=`${t?``:`${e.fps} ${Q(`fps`)} · `}${Math.round(e.ms)} ${Q(`ms`)}`,$(`timer`).hidden=!this.recorder,!this.recorder)return;let n=Math.floor((performance.now()-this.recorder.begun)/1e3);$(`timer`).textContent=`${Math.floor(n/60)}:${String(n%60).padStart(2,`0`)}`}};function mt(e,t,n){let r=document.createElement(`label`);return r.className=`tile ${n}`,r.innerHTML=`<input type="radio" name="background" value="${e}"><i></i><span data-text="${t}"></span>`,{tile:r,input:r.querySelector(`input`)}}var ht=[`relaxed`,`compat`,`threaded`],gt=[`wasm`,`webgpu`];function _t(e){let t=new URLSearchParams(e),n=ht.find(e=>e===t.get(`build`)),r=gt.find(e=>e===t.get(`place`)),i=t.get(`network`);return{...n&&{build:n},...r&&{place:r},...i&&{network:i}}}var vt=_t(window.location.search);p(new pt(vt),vt),`serviceWorker`in navigator&&window.isSecureContext&&window.addEventListener(`load`,()=>{navigator.serviceWorker.register(`./service-worker.js`).catch(()=>{})});