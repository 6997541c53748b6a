// The decoder's shape and weights as they come from Python; see edgewise.model.decoder for the model.
#pragma once

#include <cstdint>

#include "bf16.hpp"
#include "functions.hpp"

namespace edgewise {

struct Layer {
    const float *attention_norm, *qkv, *qkv_bias, *attention_out, *feed_forward_norm, *gate_up, *down;
};

struct Model {
    std::int64_t width, layers, heads, kv_heads, depth, feed_forward, vocabulary;
    float norm_eps;
    std::int32_t bf16;  // whether factors of products are rounded to bfloat16
    const float *embedding, *norm, *head;
    const float* rotations;  // [positions, depth / 2] pairs of cos and sin
    const Layer* layer;

    Index kv_width() const { return kv_heads * depth; }
    Index qkv_width() const { return width + 2 * kv_width(); }
    // How far apart rows of buffers are.
    Index width_step() const { return row_step(width); }
    Index qkv_step() const { return row_step(qkv_width()); }
};

// One layer's weights as right factors, in the precision of the products.
template <class Precision>
struct PackedLayer {
    typename Precision::Weight qkv, attention_out, gate, up, down;

    void pack(const Model& m, const Layer& layer) {
        qkv.pack_weight(layer.qkv, m.qkv_width(), m.width);
        attention_out.pack_weight(layer.attention_out, m.width, m.width);
        gate.pack_weight(layer.gate_up, m.feed_forward, m.width);
        up.pack_weight(layer.gate_up + m.feed_forward * m.width, m.feed_forward, m.width);
        down.pack_weight(layer.down, m.width, m.feed_forward);
    }
};

// Query, key and value of rows of x, with bias and rotation. `normed` is [rows, width_step].
template <class Precision>
inline void project(const Model& m, const Layer& layer, const PackedLayer<Precision>& packed, Index rows, const float* x,
                    const std::int32_t* positions, float* normed, typename Precision::Rows& factor, float* qkv) {
    for (Index r = 0; r < rows; r++) {
        norm(x + r * m.width_step(), layer.attention_norm, m.width, m.norm_eps, normed + r * m.width_step());
        std::copy_n(layer.qkv_bias, m.qkv_width(), qkv + r * m.qkv_step());
    }
    product(rows, m.qkv_width(), m.width, factor.take(normed, m.width_step(), rows, m.width), packed.qkv.right(), qkv,
            m.qkv_step(), true);
    for (Index r = 0; r < rows; r++)
        rotate(qkv + r * m.qkv_step(), m.heads + m.kv_heads, m.depth, m.rotations + positions[r] * m.depth, 1.0f);
}

// x += attention W_out.
template <class Precision>
inline void add_attention(const Model& m, const PackedLayer<Precision>& packed, Index rows, const float* attention,
                          typename Precision::Rows& factor, float* x) {
    product(rows, m.width, m.width, factor.take(attention, m.width_step(), rows, m.width), packed.attention_out.right(), x,
            m.width_step(), true);
}

// Columns of the feed-forward that are treated together, so that they stay in the cache of a core, and how far apart
// their rows are in buffers of their own.
constexpr Index kChunk = 128, kChunkStep = kChunk + kLanes;

// Where gate and up are written: chunk by chunk, and in one, row by row, gate then up, so that memory is walked through
// in order. `next` is how far the next chunk is, 0 where each is written over the last.
struct Halves {
    static constexpr Index kStep = 2 * kChunk;
    float* data;
    Index next;

    static Index size(Index rows, Index columns) { return (columns + kChunk - 1) / kChunk * rows * kStep; }
    float* gate(Index row, Index column) const { return data + column / kChunk * next + row * kStep; }
    float* up(Index row, Index column) const { return gate(row, column) + kChunk; }
};

// x += SwiGLU of the normed x. `inner` is [rows, kChunkStep].
template <class Precision>
inline void add_feed_forward(const Model& m, const Layer& layer, const PackedLayer<Precision>& packed, Index rows, float* x,
                             float* normed, Halves halves, float* inner, typename Precision::Rows& factor,
                             typename Precision::Rows& inner_factor) {
    for (Index r = 0; r < rows; r++)
        norm(x + r * m.width_step(), layer.feed_forward_norm, m.width, m.norm_eps, normed + r * m.width_step());
    const auto left = factor.take(normed, m.width_step(), rows, m.width);
    for (Index c = 0; c < m.feed_forward; c += kChunk) {
        const Index columns = std::min(kChunk, m.feed_forward - c);
        product(rows, columns, m.width, left, packed.gate.right().from(0, c), halves.gate(0, c), Halves::kStep, false);
        product(rows, columns, m.width, left, packed.up.right().from(0, c), halves.up(0, c), Halves::kStep, false);
        for (Index r = 0; r < rows; r++)
            swiglu(halves.gate(r, c), halves.up(r, c), columns, inner + r * kChunkStep);
        product(rows, m.width, columns, inner_factor.take(inner, kChunkStep, rows, columns), packed.down.right().from(c, 0),
                x, m.width_step(), true);
    }
}

}  // namespace edgewise
