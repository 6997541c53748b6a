// What Python sees: plain functions that return 0, or 1 where there is not enough memory.
#include <new>
#include <string_view>

#include "rows.hpp"
#include "sampling.hpp"
#include "training.hpp"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace edgewise;

namespace {
template <class Work>
int guarded(Work work) {
    try {
        work();
        return 0;
    } catch (const std::bad_alloc&) {
        return 1;
    }
}

// Whether there are tiles for bfloat16, and the system lets this process use them, for which it has to be asked.
bool tiles_allowed() {
#if defined(__x86_64__) && defined(__linux__)
    unsigned a, b, c, d;
    constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24;
    constexpr long kAskPermission = 0x1023, kTileData = 18;  // arch_prctl's, and the component of the processor's state
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kBf16) && (d & kTile) &&
           syscall(SYS_arch_prctl, kAskPermission, kTileData) == 0;
#else
    return false;
#endif
}

// What `work` does in the precision of the products.
template <class Work>
int in_precision(std::int64_t bf16, Work work) {
    return guarded([&] {
#ifdef __AVX512BF16__
        if (bf16) return work(Bf16{});
#endif
        work(Fp32{});
    });
}
}  // namespace

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

// Of the sources this was compiled from.
EXPORTED const char* edgewise_digest() { return EDGEWISE_DIGEST; }

// Bytes of the named structure, which Python compares with its own declaration; -1 for another name.
EXPORTED std::int64_t edgewise_sizeof(const char* name) {
    const std::string_view asked(name);
    if (asked == "Layer") return sizeof(Layer);
    if (asked == "LayerGradients") return sizeof(LayerGradients);
    if (asked == "Model") return sizeof(Model);
    if (asked == "SamplingRequest") return sizeof(SamplingRequest);
    if (asked == "PackedTokens") return sizeof(PackedTokens);
    if (asked == "Gradients") return sizeof(Gradients);
    if (asked == "Weights") return sizeof(Weights);
    return -1;
}

// Whether this machine can run what was compiled for the named instruction set.
EXPORTED int edgewise_supports(const char* instruction_set) {
    const std::string_view asked(instruction_set);
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (asked == "x86-64-v3") return v3;
    if (asked == "x86-64-v4")
        return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    const bool bf16 = __builtin_cpu_supports("avx512bf16") && edgewise_supports("x86-64-v4");
    if (asked == "x86-64-v4-bf16") return bf16;
    if (asked == "x86-64-v4-amx") return bf16 && tiles_allowed();
#endif
    return asked == "baseline";
}

// Whether this library computes the bits that all others do, which takes a product that is added with one rounding.
EXPORTED int edgewise_same_bits() { return kSameBits; }

// Whether it multiplies bfloat16.
EXPORTED int edgewise_bf16() {
#ifdef __AVX512BF16__
    return 1;
#else
    return 0;
#endif
}

EXPORTED int edgewise_sample(const Model* model, const SamplingRequest* request) {
    return in_precision(model->bf16, [&](auto in) { sample<decltype(in)>(*model, *request); });
}

EXPORTED std::int64_t edgewise_kept(const Model* model, std::int64_t tokens) { return Kept::size(*model, tokens); }

EXPORTED int edgewise_forward(const Model* model, const PackedTokens* tokens, float* hidden, float* kept) {
    return in_precision(model->bf16, [&](auto in) { forward<decltype(in)>(*model, *tokens, hidden, kept); });
}

EXPORTED int edgewise_backward(const Model* model, const PackedTokens* tokens, float* kept, const float* d_hidden,
                      const Gradients* gradients) {
    return in_precision(
        model->bf16, [&](auto in) { backward<decltype(in)>(*model, *tokens, kept, d_hidden, *gradients); });
}

EXPORTED int edgewise_linear(Index rows, Index outputs, Index inputs, Index bf16, const float* x, const float* weight, float* y) {
    return in_precision(bf16, [&](auto in) { linear<decltype(in)>(rows, outputs, inputs, x, weight, y); });
}

EXPORTED int edgewise_linear_backward(Index rows, Index outputs, Index inputs, Index bf16, const float* x, const float* weight,
                                      const float* d_y, float* d_x, float* d_weight) {
    return in_precision(bf16, [&](auto in) { linear_backward<decltype(in)>(rows, outputs, inputs, x, weight, d_y, d_x, d_weight); });
}

EXPORTED void edgewise_sums(Index rows, Index columns, const float* x, float* y) { sums(rows, columns, x, y); }
EXPORTED void edgewise_double_sums(Index rows, Index columns, const double* x, double* y) {
    sums(rows, columns, x, y);
}

EXPORTED void edgewise_log_sums(Index rows, Index columns, const float* x, float* y) { log_sums(rows, columns, x, y); }
EXPORTED void edgewise_log_sums_backward(Index rows, Index columns, const float* x, const float* y, const float* d_y,
                                         float* d_x) {
    log_sums_backward(rows, columns, x, y, d_y, d_x);
}
EXPORTED void edgewise_log_softmax_backward(Index rows, Index columns, const float* y, const float* d_y, float* d_x) {
    log_softmax_backward(rows, columns, y, d_y, d_x);
}

EXPORTED void edgewise_exponentials(Index n, const float* x, float* y) { of_each(n, x, y, any_exponential); }
EXPORTED void edgewise_exponentials_minus_one(Index n, const float* x, float* y) {
    of_each(n, x, y, any_exponential_minus_one);
}

EXPORTED void edgewise_add_rows(Index rows, Index columns, const std::int64_t* index, const float* from, float* to) {
    add_rows(rows, columns, index, from, to);
}

EXPORTED double edgewise_sum_of_squares(Index tensors, const Weights* weights) {
    double all = 0;
    for (Index t = 0; t < tensors; t++) all += sum_of_squares(weights[t].gradient, weights[t].count);
    return all;
}
EXPORTED void edgewise_adamw(Index tensors, const Weights* weights, float scale, double beta_1, double beta_2,
                             float epsilon) {
    adamw(tensors, weights, scale, beta_1, beta_2, epsilon);
}
}
