"""GLSL of the renderer: one vertex shader, and a fragment shader for each kind of surface.

Skin is drawn in two steps, because its triangles are hardly larger than a pixel and software
OpenGL shades whole blocks for each: `SURFACE` stores where every pixel lies on the face, then
`SKIN` shades each covered pixel once.

Light is linear until the last line; the output is premultiplied by coverage (the background is
cleared to zero and averaging a larger picture down makes the edge).
"""

from __future__ import annotations

VERTEX = """#version 330
uniform mat3 turn;          // head -> camera
uniform vec3 pivot;         // cm, head frame
uniform float depth;        // cm, camera to pivot
uniform mat3 place;         // picture affine: cm at the pivot's plane -> clip
in vec3 in_position;
in vec3 in_normal;
in vec2 in_shadow;
in vec3 in_rest;
in vec2 in_fixed;           // ambient openness, hair
out vec3 normal;
out vec3 rest;
out vec2 shadow;
out vec2 fixed_;
void main() {
    vec3 p = turn * (in_position - pivot);
    float w = (depth - p.z) / depth;
    vec3 flat_ = place * vec3(p.xy / w, 1.0);
    gl_Position = vec4(flat_.xy * w, -p.z / 80.0 * w, w);
    normal = turn * in_normal;
    rest = in_rest;
    shadow = in_shadow;
    fixed_ = in_fixed;
}
"""

_LIGHT = """
uniform vec3 lamp_way[2];
uniform vec3 lamp_colour[2];
uniform vec3 sky;
uniform vec3 ground;
uniform float exposure;
uniform float contrast;
out vec4 colour;

struct Surface {
    vec3 albedo;
    vec3 normal;
    vec2 shadow;
    float openness;
    float soft;             // light that wraps around, strongest in red
    float gloss;
    float power;
};

vec3 lit(Surface s) {
    vec3 v = vec3(0.0, 0.0, 1.0);
    vec3 sum = mix(ground, sky, 0.5 + 0.5 * s.normal.y) * s.openness * s.albedo;
    vec3 wrap = vec3(s.soft, 0.5 * s.soft, 0.35 * s.soft);
    for (int i = 0; i < 2; ++i) {
        float facing = dot(s.normal, lamp_way[i]);
        vec3 diffuse = max((vec3(facing) + wrap) / (1.0 + wrap), 0.0);
        vec3 halfway = normalize(lamp_way[i] + v);
        float shine = s.gloss * pow(max(dot(s.normal, halfway), 0.0), s.power);
        shine *= step(0.0, facing);
        sum += lamp_colour[i] * s.shadow[i] * (s.albedo * diffuse + shine);
    }
    float rim = 1.0 - max(s.normal.z, 0.0);
    rim *= rim;
    return sum + sky * rim * rim * s.gloss * 0.6 * s.openness;
}

vec4 finish(vec3 linear_, float cover) {
    vec3 e = linear_ * exposure;
    e = e / (1.0 + 0.18 * e);
    vec3 shown = pow(clamp(e, 0.0, 1.0), vec3(1.0 / 2.2));
    shown = clamp((shown - 0.5) * contrast + 0.5, 0.0, 1.0);
    return vec4(shown * cover, cover);
}
"""

_FORWARD = (
    """#version 330
in vec3 normal;
in vec3 rest;
in vec2 shadow;
in vec2 fixed_;
"""
    + _LIGHT
)

SURFACE = """#version 330
in vec3 normal;
in vec3 rest;
in vec2 shadow;
in vec2 fixed_;
layout(location = 0) out vec4 place_;
layout(location = 1) out vec4 light_;
void main() {
    // Openness and hair share a number: thousandths before the point, hair after it.
    place_ = vec4(rest, floor(fixed_.x * 1000.0) + 1.0 + 0.998 * fixed_.y);
    light_ = vec4(normal.xy / length(normal), shadow);
}
"""

SCREEN = """#version 330
in vec2 in_corner;
void main() {
    gl_Position = vec4(in_corner, 0.0, 1.0);
}
"""

SKIN = (
    """#version 330
"""
    + _LIGHT
    + """
uniform sampler2D place_map;
uniform sampler2D light_map;
uniform float pixels_per_cm;
uniform sampler2D field_map;
uniform sampler2D folds_a_map;
uniform sampler2D folds_b_map;
uniform sampler2D folds_c_map;
uniform sampler2D noise_map;
uniform vec2 map_origin;
uniform vec2 map_extent;
uniform vec3 skin;
uniform vec3 lip;
uniform vec3 brow;
uniform vec3 hair;
uniform vec3 beard_colour;
uniform vec4 brow_shape;    // lift cm, half thickness cm, density, tail taper
uniform vec4 folds_left;    // AU4, AU9, AU6, AU12 creases 0-1
uniform vec4 folds_right;
uniform vec4 lower_left;    // AU7, AU15, AU17, AU23 or AU24 creases 0-1
uniform vec4 lower_right;
uniform vec4 forehead;      // inner left and right, outer left and right
uniform vec2 folds_more;    // eye bags, flush
uniform vec4 texture_;      // blotch, pores, freckles, gloss
uniform vec4 makeup;        // lips gloss, lid shade, liner, beard
uniform vec2 noise_shift;
uniform vec3 mouth_box;     // centre y, half width, back z

void main() {
    vec4 where = texelFetch(place_map, ivec2(gl_FragCoord.xy), 0);
    if (where.w == 0.0) {
        colour = vec4(0.0);
        return;
    }
    vec4 light = texelFetch(light_map, ivec2(gl_FragCoord.xy), 0);
    vec3 rest = where.xyz;
    float openness = floor(where.w - 1.0) / 1000.0;
    float hair_share = fract(where.w) / 0.998;
    vec3 n = vec3(light.xy, sqrt(max(1.0 - dot(light.xy, light.xy), 0.0)));
    float front = smoothstep(0.5, 3.0, rest.z);
    vec2 at = (rest.xy - map_origin) / map_extent;
    vec4 field = texture(field_map, at) * vec4(2.0, 3.0, 1.0, 1.5) - vec4(0.5, 1.5, 0.5, 0.0);
    vec4 fa = texture(folds_a_map, at) * front;
    vec4 fb = texture(folds_b_map, at) * front;
    vec4 fc = texture(folds_c_map, at) * front;
    vec2 unrolled = vec2(rest.x + 0.7 * sign(rest.x) * max(6.0 - rest.z, 0.0), rest.y);
    vec4 grain = texture(noise_map, unrolled * 0.055 + noise_shift) * 4.0 - 2.0;
    vec4 fine = texture(noise_map, unrolled * 0.16 + noise_shift.yx) * 4.0 - 2.0;

    float leftness = smoothstep(-0.25, 0.25, rest.x);
    vec4 upper = mix(folds_right, folds_left, leftness);
    vec4 lower = mix(lower_right, lower_left, leftness);
    float crease = dot(fa, upper) + dot(fc, lower);
    float inner = exp(-rest.x * rest.x / 6.0);
    crease += fb.x * mix(
        mix(forehead.w, forehead.z, leftness), mix(forehead.y, forehead.x, leftness), inner);
    float relief = -0.10 * crease + 0.012 * texture_.y * fine.y;
    relief += 0.05 * fc.z * lower.z * fine.y;      // a tense chin is dimpled
    n.xy -= vec2(dFdx(relief), dFdy(relief)) * pixels_per_cm * n.z;
    n = normalize(n);

    vec3 base = skin * (1.0 + texture_.x * grain.x);
    base *= 1.0 - texture_.z * smoothstep(0.35, 0.75, fine.w) * vec3(0.25, 0.4, 0.45) * front;
    base *= mix(vec3(1.0), vec3(1.03, 0.84, 0.82), fb.w * folds_more.y);
    base *= 1.0 - vec3(0.28, 0.34, 0.30) * fb.y * folds_more.x;
    base *= 1.0 - vec3(0.48, 0.56, 0.56) * min(crease, 1.0);
    // A lowered brow shades the socket under it.
    float socket = smoothstep(0.0, -0.35, field.y) * smoothstep(-1.5, -0.8, field.y)
        * smoothstep(-0.25, 0.1, field.x) * smoothstep(1.0, 0.6, field.x);
    base *= 1.0 - 0.38 * upper.x * socket * front;

    float stubble = fb.z * makeup.w * clamp(0.75 + 0.7 * fine.y + 0.6 * grain.z, 0.0, 1.0);
    base = mix(base, beard_colour, clamp(stubble, 0.0, 0.92));

    float lid = smoothstep(0.75, 0.1, field.w) * front * step(0.0, rest.z - 6.0);
    base *= 1.0 - makeup.y * lid * vec3(0.45, 0.6, 0.55);
    float rim = smoothstep(0.16, 0.0, field.w) * front;
    base *= 1.0 - (0.10 + 0.6 * makeup.z) * rim * vec3(0.8, 1.0, 1.0);

    float lips = smoothstep(-0.05, 0.09, field.z) * front;
    base = mix(base, lip * (1.0 + 0.12 * grain.z), lips);

    float along = clamp(field.x, 0.0, 1.0);
    float half_ = brow_shape.y * mix(1.0, 1.0 - brow_shape.w, along * along);
    half_ *= smoothstep(-0.06, 0.16, field.x) * smoothstep(1.12, 0.86, field.x);
    float over = field.y - brow_shape.x * (1.0 - 0.6 * along);
    float ragged = half_ * (1.0 + 0.3 * fine.z);
    float browness = smoothstep(ragged + 0.10, ragged - 0.08, abs(over)) * step(0.02, half_);
    base = mix(base, brow, browness * brow_shape.z * front * clamp(0.9 + 0.5 * fine.z, 0.0, 1.0));

    float hairy = smoothstep(0.4, 0.6, hair_share + 0.10 * fine.z + 0.06 * grain.x);
    vec3 strands = hair * clamp(1.0 + 0.9 * grain.z + 0.35 * fine.z, 0.25, 2.2);
    base = mix(base, strands, hairy);

    float deep = smoothstep(mouth_box.z, mouth_box.z - 1.0, rest.z)
        * step(abs(rest.x), mouth_box.y) * step(abs(rest.y - mouth_box.x), 2.6);
    base = mix(base, vec3(0.10, 0.02, 0.02) * (0.4 + skin.r), deep);

    float gloss = texture_.w * (1.0 - 0.7 * hairy) * (1.0 - deep) + makeup.x * lips;
    float oily = 1.0 + 0.5 * grain.x + 0.4 * fine.y;
    float soft = 0.28 * (1.0 - hairy);
    Surface s = Surface(
        base, n, light.zw, openness, soft, gloss * oily, mix(14.0, 45.0, lips));
    colour = finish(lit(s), 1.0);
}
"""
)

EYE = (
    _FORWARD
    + """
uniform vec3 iris;
uniform vec3 sclera;
uniform vec2 eye_angle;     // iris and pupil radius, radians
void main() {
    vec3 axis = normalize(rest);
    float angle = acos(clamp(axis.z, -1.0, 1.0));
    float turn_ = atan(axis.y, axis.x);
    float inside = smoothstep(eye_angle.x + 0.025, eye_angle.x - 0.025, angle);
    float pupil = smoothstep(eye_angle.y + 0.03, eye_angle.y - 0.03, angle);
    float limbus = smoothstep(0.55, 1.0, angle / eye_angle.x);
    float fibre = 0.85 + 0.2 * sin(turn_ * 23.0) * sin(turn_ * 9.0 + angle * 20.0);
    vec3 white = mix(sclera, sclera * vec3(0.95, 0.72, 0.68), smoothstep(0.5, 1.2, angle));
    vec3 ring = iris * fibre * (1.0 - 0.65 * limbus * limbus);
    vec3 base = mix(mix(white, ring, inside), vec3(0.006), pupil);
    vec3 n = normalize(normal);
    Surface s = Surface(base, n, shadow, fixed_.x, 0.15, mix(0.12, 0.5, inside), 120.0);
    colour = finish(lit(s), 1.0);
}
"""
)

MOUTH = (
    _FORWARD
    + """
uniform vec3 flesh;         // teeth, or gums and tongue
uniform vec2 cave;          // z where light stops, openness of the mouth 0-1
void main() {
    vec3 n = normalize(normal);
    float reach = smoothstep(cave.x - 3.0, cave.x + 0.3, rest.z) * mix(0.2, 1.0, cave.y);
    Surface s = Surface(flesh, n, shadow, fixed_.x, 0.3, 0.1, 40.0);
    colour = finish(lit(s) * (0.08 + 0.92 * reach), 1.0);
}
"""
)

PLAIN = (
    _FORWARD
    + """
uniform sampler2D noise_map;
uniform vec3 cloth;
uniform vec4 cloth_kind;    // strand noise, gloss, cover, shine power
void main() {
    vec3 n = normalize(normal);
    n = gl_FrontFacing ? n : -n;
    vec4 grain = texture(noise_map, rest.xy * 0.055) * 4.0 - 2.0;
    vec4 fine = texture(noise_map, rest.xy * 0.16) * 4.0 - 2.0;
    vec3 base = cloth * clamp(1.0 + cloth_kind.x * (0.9 * grain.z + 0.35 * fine.z), 0.2, 2.2);
    Surface s = Surface(base, n, shadow, fixed_.x, 0.1, cloth_kind.y, cloth_kind.w);
    colour = finish(lit(s), cloth_kind.z);
}
"""
)
