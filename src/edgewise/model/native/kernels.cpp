// What Python sees: plain functions that return 0, or 1 where there is not enough memory.
#include <new>

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

// Whether this machine can run what was compiled for the named kind of processor.
EXPORTED int edgewise_runs(int level) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (level == 3) return v3;
    if (level == 4)
        return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#endif
    return level == 0;
}

EXPORTED int edgewise_sample(const Model* model, const Request* request) {
    return guarded([&] { sample(*model, *request); });
}

EXPORTED std::int64_t edgewise_kept(const Model* model, std::int64_t tokens) { return Kept::size(*model, tokens); }

EXPORTED int edgewise_forward(const Model* model, const Text* text, float* hidden, float* kept) {
    return guarded([&] { forward(*model, *text, hidden, kept); });
}

EXPORTED int edgewise_backward(const Model* model, const Text* text, float* kept, const float* d_hidden,
                      const Gradients* gradients) {
    return guarded([&] { backward(*model, *text, kept, d_hidden, *gradients); });
}
}
