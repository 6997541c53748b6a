// Vectors of sixteen numbers on every machine, and the operations whose rounding is fixed here.
//
// The same bits come out of every instruction set, because the order of a sum is that of the source: sixteen lanes,
// whatever the registers hold, and then a fixed tree. A product is added with one rounding where `fma` is written, and
// with two everywhere else; the compiler is told to leave both as they are (-ffp-contract=off).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace edgewise {

#if defined(__AVX512F__) || defined(__FMA__) || defined(__aarch64__)
constexpr bool kSameBits = true;
#else
constexpr bool kSameBits = false;
#endif

using Index = std::ptrdiff_t;

constexpr int kLanes = 16;
typedef float Vector __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));
typedef std::int32_t Whole __attribute__((vector_size(4 * kLanes)));

// What one register holds: a vector, or a half or a quarter of one.
#if defined(__AVX512F__)
constexpr int kParts = 1;
#elif defined(__FMA__)
constexpr int kParts = 2;
#else
constexpr int kParts = 4;
#endif
constexpr int kPartLanes = kLanes / kParts;
typedef float Part __attribute__((vector_size(4 * kPartLanes), aligned(4), may_alias));
typedef std::int32_t WholePart __attribute__((vector_size(4 * kPartLanes)));

// Sums stay in registers only where the compiler sees every index.
#define UNROLLED _Pragma("GCC unroll 16")

// Lanes of two vectors by number, those of the second from kLanes on.
#ifdef __clang__
#define LANES(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define LANES(x, y, ...) __builtin_shuffle(x, y, Whole{__VA_ARGS__})
#endif

// x y + z, rounded once; twice where a processor cannot, and then the library computes other bits than all others.
inline Part fma_part(Part x, Part y, Part z) {
#if defined(__AVX512F__)
    return (Part)_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)z);
#elif defined(__FMA__)
    return (Part)_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)z);
#elif defined(__aarch64__)
    return (Part)vfmaq_f32((float32x4_t)z, (float32x4_t)x, (float32x4_t)y);
#else
    return x * y + z;
#endif
}

// sum += x y, rounded once, in the register of the sum: left to themselves, compilers move sums from one to another.
inline void add_product(Part& sum, Part x, Part y) {
#if defined(__AVX512F__) || defined(__FMA__)
    asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
#else
    sum = fma_part(x, y, sum);
#endif
}

inline Part load_part(const float* p) { return *reinterpret_cast<const Part*>(p); }
inline void store_part(float* p, Part x) { *reinterpret_cast<Part*>(p) = x; }
inline Part splat_part(float x) { return x - Part{}; }

inline Vector splat(float x) { return x - Vector{}; }
// The number of each lane.
inline Vector lanes() { return Vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }
inline Vector load(const float* p) { return *reinterpret_cast<const Vector*>(p); }
inline void store(float* p, Vector x) { *reinterpret_cast<Vector*>(p) = x; }
// The first n numbers, and 0 behind them; nothing further is read.
inline Vector load_some(const float* p, Index n) {
    if (n >= kLanes) return load(p);
    float some[kLanes] = {};
    for (Index i = 0; i < n; i++) some[i] = p[i];
    return load(some);
}

// The first n numbers; nothing further is written.
inline void store_some(float* p, Vector x, Index n) {
    if (n >= kLanes) return store(p, x);
    float some[kLanes];
    store(some, x);
    for (Index i = 0; i < n; i++) p[i] = some[i];
}

// A function of each part of a vector. Compilers choose between lanes, compare and shuffle in registers only within one.
template <class Function>
inline Vector by_parts(Vector x, Function function) {
    Part part[kParts];
    std::memcpy(part, &x, sizeof x);
    UNROLLED for (int p = 0; p < kParts; p++) part[p] = function(part[p]);
    std::memcpy(&x, part, sizeof x);
    return x;
}

// The larger of each two lanes; y where x is no number.
inline Vector larger(Vector x, Vector y) {
    Part a[kParts], b[kParts];
    std::memcpy(a, &x, sizeof x);
    std::memcpy(b, &y, sizeof y);
    UNROLLED for (int p = 0; p < kParts; p++) b[p] = a[p] > b[p] ? a[p] : b[p];
    std::memcpy(&y, b, sizeof y);
    return y;
}

inline Vector fma(Vector x, Vector y, Vector z) {
    Part a[kParts], b[kParts], c[kParts];
    std::memcpy(a, &x, sizeof x);
    std::memcpy(b, &y, sizeof y);
    std::memcpy(c, &z, sizeof z);
    UNROLLED for (int p = 0; p < kParts; p++) c[p] = fma_part(a[p], b[p], c[p]);
    std::memcpy(&z, c, sizeof z);
    return z;
}

// Lane i of the result is lane Of(i). Shuffles stay within a register where they can: compilers take apart, number by
// number, what goes across the parts of a vector.
template <int (*Of)(int), int... I>
inline Part shuffled_part(Part x, std::integer_sequence<int, I...>) {
#ifdef __clang__
    return __builtin_shufflevector(x, x, Of(I)...);
#else
    return __builtin_shuffle(x, WholePart{Of(I)...});
#endif
}
template <int (*Of)(int)>
inline Part shuffled_part(Part x) {
    return shuffled_part<Of>(x, std::make_integer_sequence<int, kPartLanes>());
}
// The same of each part of a vector, where Of(i) is in the part of i.
template <int (*Of)(int)>
inline Vector shuffled(Vector x) {
    return by_parts(x, [](Part part) { return shuffled_part<Of>(part); });
}
template <int Distance>
constexpr int across(int i) { return i ^ Distance; }

// The sum of the lanes: halves are added, then quarters, and so on.
inline float total(Vector x) {
    Part part[kParts];
    std::memcpy(part, &x, sizeof x);
    UNROLLED for (int half = kParts / 2; half > 0; half /= 2)
        for (int p = 0; p < half; p++) part[p] += part[p + half];
    Part sum = part[0];
    if constexpr (kPartLanes > 8) sum += shuffled_part<across<8>>(sum);
    if constexpr (kPartLanes > 4) sum += shuffled_part<across<4>>(sum);
    sum += shuffled_part<across<2>>(sum);
    sum += shuffled_part<across<1>>(sum);
    return sum[0];
}

#if defined(__FMA__) && !defined(__AVX512F__) && !defined(__clang__)
#define PART_LANES(x, y, ...) __builtin_shuffle(x, y, WholePart{__VA_ARGS__})
// The same of each of kLanes vectors, in halves.
inline Vector totals(const Vector* x) {
    Part halves[16], quarters[8], eighths[4], sums[2];
    UNROLLED for (int i = 0; i < 16; i++) {
        const float* from = reinterpret_cast<const float*>(x + i);
        halves[i] = load_part(from) + load_part(from + kPartLanes);
    }
    UNROLLED for (int i = 0; i < 8; i++)
        quarters[i] = PART_LANES(halves[2 * i], halves[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11) +
                      PART_LANES(halves[2 * i], halves[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15);
    UNROLLED for (int i = 0; i < 4; i++)
        eighths[i] = PART_LANES(quarters[2 * i], quarters[2 * i + 1], 0, 1, 4, 5, 8, 9, 12, 13) +
                     PART_LANES(quarters[2 * i], quarters[2 * i + 1], 2, 3, 6, 7, 10, 11, 14, 15);
    UNROLLED for (int i = 0; i < 2; i++)
        sums[i] = PART_LANES(eighths[2 * i], eighths[2 * i + 1], 0, 2, 4, 6, 8, 10, 12, 14) +
                  PART_LANES(eighths[2 * i], eighths[2 * i + 1], 1, 3, 5, 7, 9, 11, 13, 15);
    Vector all;
    std::memcpy(&all, sums, sizeof all);
    return all;
}
#else
// The same of each of kLanes vectors.
inline Vector totals(const Vector* x) {
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
#endif

// Row lengths of buffers are multiples of this, so that a panel never ends beyond a row.
constexpr int kPad = 32;

inline Index padded(Index n) { return (n + kPad - 1) / kPad * kPad; }
// Rows that are an odd number of vectors apart do not compete for the same places of a cache.
inline Index row_step(Index n) { return padded(n) + kLanes; }

// Numbers that begin where a line of the cache does: a vector that lies across two lines is read as two.
template <class T>
struct Aligned {
    using value_type = T;
    static constexpr std::align_val_t kLine{4 * kLanes};
    Aligned() = default;
    template <class U>
    Aligned(Aligned<U>) {}
    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kLine)); }
    void deallocate(T* p, std::size_t) { ::operator delete(p, kLine); }
    friend bool operator==(Aligned, Aligned) { return true; }
    friend bool operator!=(Aligned, Aligned) { return false; }
};
using Floats = std::vector<float, Aligned<float>>;

}  // namespace edgewise
