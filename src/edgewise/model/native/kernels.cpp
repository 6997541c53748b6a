// What Python sees: plain functions that return 0, or 1 where there is not enough memory.
#include <new>
#include <string_view>

#include "sampling.hpp"
#include "training.hpp"

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
#endif
    return asked == "baseline";
}

EXPORTED int edgewise_sample(const Model* model, const SamplingRequest* request) {
    return guarded([&] { sample(*model, *request); });
}

EXPORTED std::int64_t edgewise_kept(const Model* model, std::int64_t tokens) { return Kept::size(*model, tokens); }

EXPORTED int edgewise_forward(const Model* model, const PackedTokens* tokens, float* hidden, float* kept) {
    return guarded([&] { forward(*model, *tokens, hidden, kept); });
}

EXPORTED int edgewise_backward(const Model* model, const PackedTokens* tokens, float* kept, const float* d_hidden,
                      const Gradients* gradients) {
    return guarded([&] { backward(*model, *tokens, kept, d_hidden, *gradients); });
}
}
