// The decoder forward with everything kept that its derivative needs, and that derivative.
#pragma once

#include <algorithm>

#include "attention.hpp"

namespace edgewise {

struct LayerGradients {
    float *attention_norm, *qkv, *qkv_bias, *attention_out, *feed_forward_norm, *gate_up, *down;
};

struct Gradients {
    float *embedding, *norm;
    const LayerGradients* layer;
};

// Where the kept numbers stand: for each layer its input, query-key-value, attention, middle, the log of each
// head's softmax sum, gate and up; after the last layer its output.
class Kept {
  public:
    Kept(const Model& m, Index tokens, float* data)
        : m_(m), n_(tokens), data_(data),
          each_(3 * m.width_step() + m.qkv_step() + Halves::size(1, m.feed_forward) + padded(m.heads)) {}
    static Index size(const Model& m, Index tokens) {
        return Kept(m, tokens, nullptr).each_ * tokens * m.layers + tokens * m.width_step();
    }
    float* x(Index layer) const { return data_ + layer * n_ * each_; }  // layer == layers: what comes out
    float* attention(Index layer) const { return x(layer) + n_ * m_.width_step(); }
    float* middle(Index layer) const { return x(layer) + 2 * n_ * m_.width_step(); }
    float* qkv(Index layer) const { return x(layer) + 3 * n_ * m_.width_step(); }
    float* log_sums(Index layer) const { return qkv(layer) + n_ * m_.qkv_step(); }
    // Of `rows` tokens from one on.
    Halves halves(Index layer, Index token, Index rows) const {
        float* all = log_sums(layer) + n_ * padded(m_.heads);
        return {all + Halves::size(token, m_.feed_forward), rows * Halves::kStep};
    }

  private:
    const Model& m_;
    Index n_;
    float* data_;
    Index each_;
};

// Hidden states [tokens, width] after the last norm.
template <class Precision>
inline void forward(const Model& m, const PackedTokens& text, float* hidden, float* kept_data) {
    const Kept kept(m, text.tokens, kept_data);
    const Index ws = m.width_step();
    constexpr Index kBlock = Precision::kBlock;
    const typename Precision::Thread set;
    Floats normed(kBlock * ws), inner(kBlock * kChunkStep);
    Attention<Precision> attention(m, text);
    PackedLayer<Precision> packed;
    typename Precision::Rows factor, inner_factor;
    for (Index t = 0; t < text.tokens; t++)
        std::copy_n(m.embedding + text.token[t] * m.width, m.width, kept.x(0) + t * ws);
    for (Index l = 0; l < m.layers; l++) {
        packed.pack(m, m.layer[l]);
        for (Index t = 0; t < text.tokens; t += kBlock)
            project(m, m.layer[l], packed, std::min(kBlock, text.tokens - t), kept.x(l) + t * ws, text.position + t,
                    normed.data(), factor, kept.qkv(l) + t * m.qkv_step());
        attention.forward(kept.qkv(l), kept.attention(l), kept.log_sums(l));
        for (Index t = 0; t < text.tokens; t += kBlock) {
            const Index rows = std::min(kBlock, text.tokens - t);
            float *middle = kept.middle(l) + t * ws, *out = kept.x(l + 1) + t * ws;
            std::copy_n(kept.x(l) + t * ws, rows * ws, middle);
            add_attention(m, packed, rows, kept.attention(l) + t * ws, factor, middle);
            std::copy_n(middle, rows * ws, out);
            add_feed_forward(m, m.layer[l], packed, rows, out, normed.data(), kept.halves(l, t, rows), inner.data(), factor,
                             inner_factor);
        }
    }
    for (Index t = 0; t < text.tokens; t++)
        norm(kept.x(m.layers) + t * ws, m.norm, m.width, m.norm_eps, hidden + t * m.width);
}

// Gradients += those of sum(hidden * d_hidden).
template <class Precision>
inline void backward(const Model& m, const PackedTokens& text, float* kept_data, const float* d_hidden,
                     const Gradients& g) {
    const Kept kept(m, text.tokens, kept_data);
    const Index ws = m.width_step(), qs = m.qkv_step();
    constexpr Index kBlock = Precision::kBlock;
    const typename Precision::Thread set;
    Floats dx(text.tokens * ws, 0.0f), d_attention(text.tokens * ws), d_qkv(text.tokens * qs);
    Floats normed(kBlock * ws), d_normed(kBlock * ws), inverse(kBlock), inner(kBlock * kChunkStep),
        d_inner(kBlock * kChunkStep), d_gate(kBlock * kChunkStep), d_up(kBlock * kChunkStep);
    Attention<Precision> attention(m, text);
    typename Precision::Weight qkv, attention_out, gate, up, down;
    typename Precision::Rows rows_d, rows_gate, rows_up;
    typename Precision::Columns columns_d, columns_gate, columns_up;
    typename Precision::Matrix matrix_normed, matrix_inner;
    // `norm_backward` asks for the factor of each row, which is cheaper found again than kept.
    const auto renorm = [&](const float* x, const float* gain, Index rows) {
        for (Index r = 0; r < rows; r++)
            inverse[r] = norm(x + r * ws, gain, m.width, m.norm_eps, normed.data() + r * ws);
    };
    const auto into_norm = [&](const float* x, const float* gain, Index rows, float* to, float* d_gain) {
        for (Index r = 0; r < rows; r++)
            norm_backward(x + r * ws, gain, m.width, inverse[r], d_normed.data() + r * ws, to + r * ws, d_gain);
    };
    for (Index t = 0; t < text.tokens; t += kBlock) {
        const Index rows = std::min(kBlock, text.tokens - t);
        renorm(kept.x(m.layers) + t * ws, m.norm, rows);
        for (Index r = 0; r < rows; r++) std::copy_n(d_hidden + (t + r) * m.width, m.width, d_normed.data() + r * ws);
        into_norm(kept.x(m.layers) + t * ws, m.norm, rows, dx.data() + t * ws, g.norm);
    }
    for (Index l = m.layers - 1; l >= 0; l--) {
        const Layer& w = m.layer[l];
        const LayerGradients& dw = g.layer[l];
        qkv.pack_transposed(w.qkv, m.qkv_width(), m.width);
        attention_out.pack_transposed(w.attention_out, m.width, m.width);
        gate.pack_transposed(w.gate_up, m.feed_forward, m.width);
        up.pack_transposed(w.gate_up + m.feed_forward * m.width, m.feed_forward, m.width);
        down.pack_transposed(w.down, m.width, m.feed_forward);
        for (Index t = 0; t < text.tokens; t += kBlock) {
            const Index rows = std::min(kBlock, text.tokens - t);
            float* d = dx.data() + t * ws;
            const Halves halves = kept.halves(l, t, rows);
            renorm(kept.middle(l) + t * ws, w.feed_forward_norm, rows);
            const auto seen = matrix_normed.take(normed.data(), ws, rows, m.width);
            const auto d_rows = rows_d.take(d, ws, rows, m.width);
            const auto d_columns = columns_d.take(d, ws, rows, m.width);
            for (Index c = 0; c < m.feed_forward; c += kChunk) {
                const Index columns = std::min(kChunk, m.feed_forward - c);
                product(rows, columns, m.width, d_rows, down.right().from(0, c), d_inner.data(), kChunkStep, false);
                for (Index r = 0; r < rows; r++) {
                    const Index row = r * kChunkStep;
                    swiglu_backward(halves.gate(r, c), halves.up(r, c), d_inner.data() + row, columns, inner.data() + row,
                                    d_gate.data() + row, d_up.data() + row);
                }
                const auto of_chunk = [&](auto& factor, const Floats& x) {
                    return factor.take(x.data(), kChunkStep, rows, columns);
                };
                product(m.width, columns, rows, d_columns, of_chunk(matrix_inner, inner), dw.down + c, m.feed_forward,
                        true);
                product(rows, m.width, columns, of_chunk(rows_gate, d_gate), gate.right().from(c, 0), d_normed.data(), ws,
                        c > 0);
                product(rows, m.width, columns, of_chunk(rows_up, d_up), up.right().from(c, 0), d_normed.data(), ws, true);
                product(columns, m.width, rows, of_chunk(columns_gate, d_gate), seen, dw.gate_up + c * m.width, m.width,
                        true);
                product(columns, m.width, rows, of_chunk(columns_up, d_up), seen,
                        dw.gate_up + (m.feed_forward + c) * m.width, m.width, true);
            }
            into_norm(kept.middle(l) + t * ws, w.feed_forward_norm, rows, d, dw.feed_forward_norm);
            product(rows, m.width, m.width, rows_d.take(d, ws, rows, m.width), attention_out.right(),
                    d_attention.data() + t * ws, ws, false);
            product(m.width, m.width, rows, columns_d.take(d, ws, rows, m.width),
                    matrix_normed.take(kept.attention(l) + t * ws, ws, rows, m.width), dw.attention_out, m.width, true);
        }
        std::fill(d_qkv.begin(), d_qkv.end(), 0.0f);
        attention.backward(kept.qkv(l), kept.attention(l), kept.log_sums(l), d_attention.data(), d_qkv.data());
        for (Index t = 0; t < text.tokens; t += kBlock) {
            const Index rows = std::min(kBlock, text.tokens - t);
            float* d = d_qkv.data() + t * qs;
            for (Index r = 0; r < rows; r++) {
                rotate(d + r * qs, m.heads + m.kv_heads, m.depth, m.rotations + text.position[t + r] * m.depth, -1.0f);
                for (Index i = 0; i < m.qkv_width(); i++) dw.qkv_bias[i] += d[r * qs + i];
            }
            renorm(kept.x(l) + t * ws, w.attention_norm, rows);
            product(rows, m.width, m.qkv_width(), rows_d.take(d, qs, rows, m.qkv_width()), qkv.right(), d_normed.data(), ws,
                    false);
            product(m.qkv_width(), m.width, rows, columns_d.take(d, qs, rows, m.qkv_width()),
                    matrix_normed.take(normed.data(), ws, rows, m.width), dw.qkv, m.width, true);
            into_norm(kept.x(l) + t * ws, w.attention_norm, rows, dx.data() + t * ws, dw.attention_norm);
        }
    }
    for (Index t = 0; t < text.tokens; t++)
        for (Index i = 0; i < m.width; i++) g.embedding[text.token[t] * m.width + i] += dx[t * ws + i];
}

}  // namespace edgewise
