// Keys and values of what was read and sampled so far, in FP32; see bf16_cache.hpp for the other precision.
#pragma once

#include "products.hpp"

namespace edgewise {

// Keys and values of one sequence, token after token.
class Cache {
  public:
    Cache(Index layers, Index heads, Index depth, Index tokens)
        : step_((depth + kLanes - 1) / kLanes * kLanes), depth_(depth), heads_(heads),
          each_((tokens + kLanes - 1) / kLanes * kLanes * step_),
          // A panel of the last values may end beyond them.
          data_(static_cast<std::size_t>(2 * layers * heads_ * each_ + kPanel), 0.0f) {}

    void write(Index layer, Index token, const float* k, const float* v) {
        for (Index h = 0; h < heads_; h++, k += depth_, v += depth_) {
            float* place = data_.data() + 2 * (layer * heads_ + h) * each_ + token * step_;
            std::copy_n(k, depth_, place);
            std::copy_n(v, depth_, place + each_);
        }
    }

    // q k for the first `tokens` tokens; `out` has room for whole vectors. What follows q is multiplied with 0.
    void scores(Index layer, Index head, const float* q, Index tokens, float* out) const {
        const float* k = keys(layer, head);
        for (Index t = 0; t < tokens; t += kLanes, k += kLanes * step_) {
            Vector products[kLanes];
            UNROLLED for (int i = 0; i < kLanes; i++) products[i] = load(q) * load(k + i * step_);
            for (Index d = kLanes; d < step_; d += kLanes)
                UNROLLED for (int i = 0; i < kLanes; i++)
                    products[i] = fma(load(q + d), load(k + i * step_ + d), products[i]);
            store(out + t, totals(products));
        }
    }
    // out [step] = sum of weight x value over the first `tokens` tokens.
    void mix(Index layer, Index head, const float* weights, Index tokens, float* out) const {
        const float* v = values(layer, head);
        Index d = 0;
        for (; d + 2 * kLanes <= step_; d += 2 * kLanes) some_mix<2>(v + d, weights, tokens, out + d);
        for (; d < step_; d += kLanes) some_mix<1>(v + d, weights, tokens, out + d);
    }

    // Rows of the first `tokens` tokens, `step` apart; another cache writes them to `room`.
    Index step() const { return step_; }
    const float* key_rows(Index layer, Index head, Index, Floats&) const { return keys(layer, head); }
    const float* value_rows(Index layer, Index head, Index, Floats&) const { return values(layer, head); }

  private:
    const float* keys(Index layer, Index head) const { return data_.data() + 2 * (layer * heads_ + head) * each_; }
    const float* values(Index layer, Index head) const { return keys(layer, head) + each_; }

    template <int V>
    void some_mix(const float* values, const float* weights, Index tokens, float* out) const {
        constexpr int kWide = V * kParts;
        Part sum[4][kWide];
        UNROLLED for (int i = 0; i < 4; i++)
            UNROLLED for (int v = 0; v < kWide; v++) sum[i][v] = Part{};
        Index t = 0;
        for (; t + 4 <= tokens; t += 4)
            UNROLLED for (int i = 0; i < 4; i++) {
                const Part weight = splat_part(weights[t + i]);
                const float* from = values + (t + i) * step_;
                UNROLLED for (int v = 0; v < kWide; v++)
                    add_product(sum[i][v], weight, load_part(from + v * kPartLanes));
            }
        for (; t < tokens; t++)
            UNROLLED for (int v = 0; v < kWide; v++)
                add_product(sum[0][v], splat_part(weights[t]), load_part(values + t * step_ + v * kPartLanes));
        UNROLLED for (int v = 0; v < kWide; v++)
            store_part(out + v * kPartLanes, (sum[0][v] + sum[1][v]) + (sum[2][v] + sum[3][v]));
    }

    Index step_, depth_, heads_, each_;
    Floats data_;
};

}  // namespace edgewise
