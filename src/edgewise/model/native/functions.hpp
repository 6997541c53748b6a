// The functions between the matrix products: norm, rotation, SwiGLU, softmax, and their derivatives.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "products.hpp"

namespace edgewise {

// e^x to about one unit in the last place. Polynomial and reduction as in Cephes (Moshier). Below -87 it
// stays at e^-87, above 88 at e^88; NaN stays NaN. Written in vectors, because compilers turn the two
// bounds into branches, and the branches into everything done twice.
inline Vector exponential(Vector x) {
    const Vector low = splat(-87.0f), high = splat(88.0f), shift = splat(12582912.0f);
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Vector shifted = x * 1.44269504f + shift;  // 1.5 x 2^23: adding it rounds to whole numbers
    const Vector whole = shifted - shift;
    Vector r = x - whole * 0.693359375f;
    r = r + whole * 2.12194440e-4f;
    Vector y = r * 1.9875691500e-4f + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    // The whole number stands in the low bits of the shifted one.
    const Whole power = (reinterpret_cast<Whole>(shifted) + 127) << 23;
    return y * reinterpret_cast<Vector>(power);
}

// The sum of the lanes of each of kLanes vectors: halves are added, then quarters, and so on.
inline Vector sums(const Vector* x) {
    Vector halves[8], quarters[4], eighths[2];
    UNROLLED for (int i = 0; i < 8; i++)
        halves[i] = LANES(x[2 * i], x[2 * i + 1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                    LANES(x[2 * i], x[2 * i + 1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    UNROLLED for (int i = 0; i < 4; i++)
        quarters[i] = LANES(halves[2 * i], halves[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                      LANES(halves[2 * i], halves[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    UNROLLED for (int i = 0; i < 2; i++)
        eighths[i] = LANES(quarters[2 * i], quarters[2 * i + 1], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
                     LANES(quarters[2 * i], quarters[2 * i + 1], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
    return LANES(eighths[0], eighths[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
           LANES(eighths[0], eighths[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

inline float total(Vector x) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < kLanes; i++) sum += x[i];
    return sum;
}

inline float dot(const float* x, const float* y, Index n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

inline float largest(const float* x, Index n) {
    float top = x[0];
#pragma omp simd reduction(max : top)
    for (Index i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
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
    float along = 0;
#pragma omp simd reduction(+ : along)
    for (Index i = 0; i < n; i++) along += dy[i] * gain[i] * x[i];
    const float pull = along * inverse * inverse * inverse / static_cast<float>(n);
#pragma omp simd
    for (Index i = 0; i < n; i++) {
        dx[i] += dy[i] * gain[i] * inverse - x[i] * pull;
        d_gain[i] += dy[i] * x[i] * inverse;
    }
}

// Rotary embedding of `heads` heads in place: pairs of neighbours times cos + i sin; `sign` -1 turns back.
inline void rotate(float* x, Index heads, Index depth, const float* rotation, float sign) {
    for (Index h = 0; h < heads; h++, x += depth)
        for (Index i = 0; i < depth; i += 2) {
            const float re = x[i], im = x[i + 1], c = rotation[i], s = sign * rotation[i + 1];
            x[i] = re * c - im * s;
            x[i + 1] = re * s + im * c;
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
