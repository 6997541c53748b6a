// The functions between the matrix products: norm, rotation, SwiGLU, softmax, and their derivatives.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "products.hpp"

namespace edgewise {

// What both exponentials share: x = whole ln 2 + r, and e^r - 1. Polynomial and reduction as in Cephes (Moshier).
struct Reduced {
    Part whole, shifted, part;

    explicit Reduced(Part x) {
        const Part shift = splat_part(12582912.0f);  // 1.5 x 2^23: adding it rounds to whole numbers
        shifted = fma_part(x, splat_part(1.44269504f), shift);
        whole = shifted - shift;
        Part r = fma_part(whole, splat_part(-0.693359375f), x);
        r = fma_part(whole, splat_part(2.12194440e-4f), r);
        Part y = fma_part(r, splat_part(1.9875691500e-4f), splat_part(1.3981999507e-3f));
        y = fma_part(y, r, splat_part(8.3334519073e-3f));
        y = fma_part(y, r, splat_part(4.1665795894e-2f));
        y = fma_part(y, r, splat_part(1.6666665459e-1f));
        y = fma_part(y, r, splat_part(5.0000001201e-1f));
        part = fma_part(y * r, r, r);
    }
};

// 2^n for whole numbers from -126 to 127.
inline Part power_of_two(WholePart n) { return reinterpret_cast<Part>((n + 127) << 23); }

// e^x to about one unit in the last place. Below -87 it stays at e^-87, above 88 at e^88; NaN stays NaN. Written in
// vectors, because compilers turn the two bounds into branches, and the branches into everything done twice.
inline Part exponential_part(Part x) {
    const Part low = splat_part(-87.0f), high = splat_part(88.0f);
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Reduced reduced(x);
    // The whole number stands in the low bits of the shifted one.
    const WholePart power = (reinterpret_cast<WholePart>(reduced.shifted) + 127) << 23;
    return (reduced.part + 1.0f) * reinterpret_cast<Part>(power);
}

// e^x from 0 to infinity, subnormal numbers among them.
inline Part any_exponential_part(Part x) {
    const Part low = splat_part(-105.0f), high = splat_part(89.0f);
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Reduced reduced(x);
    // In two steps, because 2^128 is no number and 2^-149 is not one that is made of its bits.
    const WholePart power = __builtin_convertvector(reduced.whole, WholePart), half = power >> 1;
    const Part y = (reduced.part + 1.0f) * power_of_two(half) * power_of_two(power - half);
    return x == x ? y : x;
}

// e^x - 1, also where x is next to 0.
inline Part any_exponential_minus_one_part(Part x) {
    const Part high = splat_part(17.0f), low = splat_part(-87.0f);
    Part within = x > high ? high : x;
    within = within < low ? low : within;
    const Reduced reduced(within);
    const Part power = power_of_two(__builtin_convertvector(reduced.whole, WholePart));
    const Part y = fma_part(reduced.part, power, power - 1.0f);
    // From 17 on the 1 is lost in rounding.
    return x > high ? any_exponential_part(x) : (x == x ? y : x);
}

// The natural logarithm to about one unit in the last place: -infinity of 0, NaN of what is below. As in Cephes.
inline Part logarithm_part(Part x) {
    const Part small = splat_part(1.17549435e-38f), infinite = splat_part(__builtin_inff());
    const Part scaled = x < small ? x * 33554432.0f : x;  // 2^25: subnormal numbers become normal ones
    const WholePart bits = reinterpret_cast<WholePart>(scaled) - 0x3f3504f3;  // of the root of 1/2
    const WholePart exponent = bits >> 23, mantissa = (bits & 0x007fffff) + 0x3f3504f3;
    const Part power = __builtin_convertvector(exponent, Part) - (x < small ? splat_part(25.0f) : splat_part(0.0f));
    const Part f = reinterpret_cast<Part>(mantissa) - 1.0f, square = f * f;
    Part y = fma_part(f, splat_part(7.0376836292e-2f), splat_part(-1.1514610310e-1f));
    y = fma_part(y, f, splat_part(1.1676998740e-1f));
    y = fma_part(y, f, splat_part(-1.2420140846e-1f));
    y = fma_part(y, f, splat_part(1.4249322787e-1f));
    y = fma_part(y, f, splat_part(-1.6668057665e-1f));
    y = fma_part(y, f, splat_part(2.0000714765e-1f));
    y = fma_part(y, f, splat_part(-2.4999993993e-1f));
    y = fma_part(y, f, splat_part(3.3333331174e-1f));
    y = y * f * square;
    y = fma_part(power, splat_part(-2.12194440e-4f), y);
    y = fma_part(square, splat_part(-0.5f), y);
    y = fma_part(power, splat_part(0.693359375f), f + y);
    y = x < infinite ? y : x;
    y = x == splat_part(0.0f) ? -infinite : y;
    return x < splat_part(0.0f) ? splat_part(__builtin_nanf("")) : y;
}

// The same of vectors.
inline Vector exponential(Vector x) { return by_parts(x, [](Part part) { return exponential_part(part); }); }
inline Vector any_exponential(Vector x) { return by_parts(x, [](Part part) { return any_exponential_part(part); }); }
inline Vector any_exponential_minus_one(Vector x) {
    return by_parts(x, [](Part part) { return any_exponential_minus_one_part(part); });
}
inline Vector logarithm(Vector x) { return by_parts(x, [](Part part) { return logarithm_part(part); }); }
inline float logarithm(float x) { return logarithm_part(splat_part(x))[0]; }

inline float dot(const float* x, const float* y, Index n) {
    Vector sum{};
    for (Index i = 0; i < n; i += kLanes) sum = fma(load_some(x + i, n - i), load_some(y + i, n - i), sum);
    return total(sum);
}

inline float largest(const float* x, Index n) {
    Vector most = splat(x[0]);
    Index i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        const Vector some = load(x + i);
        most = larger(some, most);
    }
    float top = x[0];
    for (int lane = 0; lane < kLanes; lane++) top = most[lane] > top ? most[lane] : top;
    for (; i < n; i++) top = x[i] > top ? x[i] : top;
    return top;
}

// x becomes e^(x - shift), and 0 from n to the end of the last vector; returns the sum.
inline float exponentials(float* x, Index n, float shift) {
    Vector sum{};
    Index i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        const Vector y = exponential(load(x + i) - shift);
        sum += y;
        store(x + i, y);
    }
    if (i < n) {
        Vector y = exponential(load(x + i) - shift);
        y = lanes() < splat(static_cast<float>(n - i)) ? y : Vector{};
        sum += y;
        store(x + i, y);
    }
    return total(sum);
}

inline void scale(float* x, Index n, float by) {
#pragma omp simd
    for (Index i = 0; i < n; i++) x[i] *= by;
}

inline void add(const float* x, Index n, float* to) {
#pragma omp simd
    for (Index i = 0; i < n; i++) to[i] += x[i];
}

// RMSNorm: y = x / sqrt(mean(x^2) + eps) * gain. Returns what x is multiplied with.
inline float norm(const float* x, const float* gain, Index n, float eps, float* y) {
    const float inverse = 1.0f / std::sqrt(dot(x, x, n) / static_cast<float>(n) + eps);
#pragma omp simd
    for (Index i = 0; i < n; i++) y[i] = x[i] * inverse * gain[i];
    return inverse;
}

// Its derivatives: dx += ..., d_gain += ..., from dy and the factor that `norm` returned.
inline void norm_backward(const float* x, const float* gain, Index n, float inverse, const float* dy, float* dx,
                          float* d_gain) {
    Vector along{};
    for (Index i = 0; i < n; i += kLanes)
        along = fma(load_some(dy + i, n - i) * load_some(gain + i, n - i), load_some(x + i, n - i), along);
    const float pull = total(along) * inverse * inverse * inverse / static_cast<float>(n);
#pragma omp simd
    for (Index i = 0; i < n; i++) {
        dx[i] += dy[i] * gain[i] * inverse - x[i] * pull;
        d_gain[i] += dy[i] * x[i] * inverse;
    }
}

constexpr int of_even(int i) { return i & ~1; }
constexpr int of_odd(int i) { return i | 1; }

// Rotary embedding of `heads` heads in place: pairs of neighbours times cos + i sin; `sign` -1 turns back. In vectors,
// because a compiler that sees the two products of each part adds them with one rounding here and two there.
inline void rotate(float* x, Index heads, Index depth, const float* rotation, float sign) {
    const Vector signs = Vector{-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1} * sign;
    for (Index h = 0; h < heads; h++, x += depth)
        for (Index i = 0; i < depth; i += kLanes) {
            const Vector own = load_some(x + i, depth - i), turn = load_some(rotation + i, depth - i);
            const Vector other = shuffled<across<1>>(own), cosine = shuffled<of_even>(turn);
            const Vector sine = shuffled<of_odd>(turn) * signs;
            store_some(x + i, fma(own, cosine, other * sine), depth - i);
        }
}

// SwiGLU: silu(gate) * up. Rows are read and written to the end of the last vector, here and below.
inline void swiglu(const float* gate, const float* up, Index n, float* out) {
    for (Index i = 0; i < n; i += kLanes) {
        const Vector g = load(gate + i);
        store(out + i, g / (1.0f + exponential(-g)) * load(up + i));
    }
}

// Its derivatives by gate and up, and what it was.
inline void swiglu_backward(const float* gate, const float* up, const float* d_out, Index n, float* out, float* d_gate,
                            float* d_up) {
    for (Index i = 0; i < n; i += kLanes) {
        const Vector g = load(gate + i), u = load(up + i), d = load(d_out + i), share = 1.0f / (1.0f + exponential(-g));
        const Vector silu = g * share;
        store(out + i, silu * u);
        store(d_gate + i, d * u * share * (1.0f + g - silu));
        store(d_up + i, d * silu);
    }
}

}  // namespace edgewise
