// Keys and values in bfloat16: half of the memory that sampling reads, and two products at once.
#pragma once

#include "bf16.hpp"

#ifdef __AVX512BF16__

namespace edgewise {

// Those of one sequence, token after token. Keys stand as pairs of neighbours; values as pairs of what two tokens have at
// the same place, the second of them 0 until it is written.
class LowCache {
  public:
    LowCache(Index layers, Index heads, Index depth, Index tokens)
        : key_step_(pairs(depth)), value_step_((depth + kLanes - 1) / kLanes * kLanes), depth_(depth), heads_(heads),
          values_from_((tokens + kLanes - 1) / kLanes * kLanes * key_step_),
          each_(values_from_ + (tokens + 1) / 2 * value_step_), data_(layers * heads * each_, 0.0f) {}

    void write(Index layer, Index token, const float* k, const float* v) {
        for (Index h = 0; h < heads_; h++, k += depth_, v += depth_) {
            float* place = data_.data() + (layer * heads_ + h) * each_;
            for (Index d = 0; d < key_step_; d += kLanes)
                store_pairs(place + token * key_step_ + d, neighbours(k + 2 * d, depth_ - 2 * d));
            float* two = place + values_from_ + token / 2 * value_step_;
            for (Index d = 0; d < depth_; d += kLanes) {
                const __m512i own = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(load_first(v + d, depth_ - d)));
                const __m512i second = _mm512_or_si512(_mm512_slli_epi32(own, 16), load_pairs(two + d));
                store_pairs(two + d, token % 2 ? second : own);
            }
        }
    }

    // q k for the first `tokens` tokens; `out` has room for whole vectors.
    void scores(Index layer, Index head, const float* q, Index tokens, float* out) const {
        const float* k = data_.data() + (layer * heads_ + head) * each_;
        for (Index t = 0; t < tokens; t += kLanes, k += kLanes * key_step_) {
            Vector products[kLanes] = {};
            for (Index d = 0; d < key_step_; d += kLanes) {
                const __m512i asked = neighbours(q + 2 * d, depth_ - 2 * d);
                UNROLLED for (int i = 0; i < kLanes; i++)
                    add_products(products[i], asked, load_pairs(k + i * key_step_ + d));
            }
            store(out + t, totals(products));
        }
    }
    // out [depth, filled up to vectors] = sum of weight x value over the first `tokens` tokens.
    void mix(Index layer, Index head, const float* weights, Index tokens, float* out) const {
        const float* v = data_.data() + (layer * heads_ + head) * each_ + values_from_;
        for (Index d = 0; d < value_step_; d += kLanes) {
            Vector sum[4] = {};
            for (Index t = 0; t < tokens; t += kTileDepth) {
                alignas(4 * kLanes) std::int32_t two[kLanes];
                _mm512_store_si512(two, neighbours(weights + t, tokens - t));
                const float* from = v + t / 2 * value_step_ + d;
                const Index rows = std::min<Index>(kLanes, (tokens - t + 1) / 2);
                Index i = 0;
                for (; i + 4 <= rows; i += 4)
                    UNROLLED for (int s = 0; s < 4; s++)
                        add_products(sum[s], _mm512_set1_epi32(two[i + s]), load_pairs(from + (i + s) * value_step_));
                for (; i < rows; i++)
                    add_products(sum[0], _mm512_set1_epi32(two[i]), load_pairs(from + i * value_step_));
            }
            store(out + d, (sum[0] + sum[1]) + (sum[2] + sum[3]));
        }
    }

    // As numbers again, in rows `step` apart.
    Index step() const { return depth_; }
    const float* key_rows(Index layer, Index head, Index tokens, Floats& room) const {
        const float* k = data_.data() + (layer * heads_ + head) * each_;
        return rows(tokens, room, [&](Index t, Index d) { return number(k + t * key_step_ + d / 2, d % 2); });
    }
    const float* value_rows(Index layer, Index head, Index tokens, Floats& room) const {
        const float* v = data_.data() + (layer * heads_ + head) * each_ + values_from_;
        return rows(tokens, room, [&](Index t, Index d) { return number(v + t / 2 * value_step_ + d, t % 2); });
    }

  private:
    static __m512i load_pairs(const float* from) { return _mm512_loadu_si512(from); }
    static void add_products(Vector& sum, __m512i x, __m512i y) {
        sum = (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)y);
    }
    template <class Number>
    const float* rows(Index tokens, Floats& room, Number number) const {
        room.resize(tokens * depth_);
        for (Index t = 0; t < tokens; t++)
            for (Index d = 0; d < depth_; d++) room[t * depth_ + d] = number(t, d);
        return room.data();
    }
    static float number(const float* pair, Index half) {
        std::uint32_t bits;
        std::memcpy(&bits, pair, sizeof bits);
        bits = half ? bits & 0xffff0000u : bits << 16;
        float x;
        std::memcpy(&x, &bits, sizeof x);
        return x;
    }

    Index key_step_, value_step_, depth_, heads_, values_from_, each_;
    Floats data_;
};

}  // namespace edgewise

#endif
