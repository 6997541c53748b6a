// The decoder forward with everything kept that its derivative needs, and that derivative.
//
// Tokens are flat, without padding. A segment is a run of tokens that attend to each other causally, and
// to all of the segment that it continues, if there is one: a prompt shared by its completions.
#pragma once

#include <algorithm>

#include "decoder.hpp"

namespace edgewise {

struct Segment {
    std::int64_t start, length, prefix_start, prefix_length;
};

struct Text {
    std::int64_t tokens, segments;
    const std::int32_t *token, *position;
    const Segment* segment;
};

struct LayerGradients {
    float *attention_norm, *qkv, *qkv_bias, *attention_out, *feed_forward_norm, *gate_up, *down;
};

struct Gradients {
    float *embedding, *norm;
    const LayerGradients* layer;
};

// Rows of one block, so that what stands between two products stays in the cache of a core.
constexpr Index kBlock = 128;
// Queries that attention treats together.
constexpr Index kQueries = 32;

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

// The keys and values one segment sees, of one key-value head.
class Seen {
  public:
    Seen(const Model& m, const Segment& s) : m_(m), s_(s), count(s.prefix_length + s.length), step(padded(m.depth)) {}

    Index token(Index i) const {
        return i < s_.prefix_length ? s_.prefix_start + i : s_.start + i - s_.prefix_length;
    }
    // Rows [count, step] of what stands at `offset` of each token's row.
    void gather(const float* qkv, Index offset, Floats& to) const {
        to.resize(count * step);
        for (Index i = 0; i < count; i++) {
            const float* from = qkv + token(i) * m_.qkv_step() + offset;
            float* row = to.data() + i * step;
            for (Index d = 0; d < m_.depth; d += kLanes) store(row + d, load(from + d));
            for (Index d = m_.depth; d < step; d++) row[d] = 0.0f;
        }
    }
    void scatter(const Floats& from, Index offset, float* qkv) const {
        for (Index i = 0; i < count; i++) add(from.data() + i * step, m_.depth, qkv + token(i) * m_.qkv_step() + offset);
    }

  private:
    const Model& m_;
    const Segment& s_;

  public:
    const Index count, step;
};

// Attention forward and backward, segment by segment, head by head, kQueries queries at a time.
class Attention {
  public:
    Attention(const Model& m, const Text& text) : m_(m), text_(text) {}

    void forward(const float* qkv, float* out, float* log_sums) {
        for (Index i = 0; i < text_.segments; i++)
            for (Index kv = 0; kv < m_.kv_heads; kv++) {
                const Seen seen(m_, text_.segment[i]);
                take(seen, qkv, kv);
                for (Index h = kv * group(); h < (kv + 1) * group(); h++)
                    for (Index q = 0; q < text_.segment[i].length; q += kQueries) {
                        score(seen, text_.segment[i], qkv, h, q);
                        for (Index r = 0; r < rows_; r++) {
                            float* weights = weights_.data() + r * step_;
                            const Index sees = first_ + r + 1;
                            const float top = largest(weights, sees);
                            const float sum = exponentials(weights, sees, top);
                            scale(weights, sees, 1.0f / sum);
                            std::fill(weights + sees, weights + first_ + rows_, 0.0f);
                            log_sums[(token_ + r) * padded(m_.heads) + h] = top + std::log(sum);
                        }
                        product(rows_, seen.step, first_ + rows_, rows_of(weights_.data(), step_),
                                matrix_of(values_.data(), seen.step), some_, seen.step, false);
                        for (Index r = 0; r < rows_; r++)
                            std::copy_n(some_ + r * seen.step, m_.depth, out + (token_ + r) * m_.width_step() + h * m_.depth);
                    }
            }
    }

    // d_qkv += the derivatives, from those of the output.
    void backward(const float* qkv, const float* out, const float* log_sums, const float* d_out, float* d_qkv) {
        const float shrink = 1.0f / std::sqrt(static_cast<float>(m_.depth));
        for (Index i = 0; i < text_.segments; i++)
            for (Index kv = 0; kv < m_.kv_heads; kv++) {
                const Seen seen(m_, text_.segment[i]);
                take(seen, qkv, kv);
                transposed_values_.pack(values_.data(), seen.count, m_.depth, seen.step, 1);
                d_keys_.assign(seen.count * seen.step, 0.0f);
                d_values_.assign(seen.count * seen.step, 0.0f);
                for (Index h = kv * group(); h < (kv + 1) * group(); h++)
                    for (Index q = 0; q < text_.segment[i].length; q += kQueries) {
                        score(seen, text_.segment[i], qkv, h, q);
                        const Index sees_most = first_ + rows_;
                        d_weights_.resize(weights_.size());
                        for (Index r = 0; r < rows_; r++) {
                            const float* d = d_out + (token_ + r) * m_.width_step() + h * m_.depth;
                            std::copy_n(d, m_.depth, d_some_ + r * seen.step);
                            std::fill_n(d_some_ + r * seen.step + m_.depth, seen.step - m_.depth, 0.0f);
                        }
                        product(rows_, sees_most, m_.depth, rows_of(d_some_, seen.step), transposed_values_.right(),
                                d_weights_.data(), step_, false);
                        for (Index r = 0; r < rows_; r++) {
                            float* weights = weights_.data() + r * step_;
                            float* d_weights = d_weights_.data() + r * step_;
                            const Index sees = first_ + r + 1, row = (token_ + r) * m_.width_step() + h * m_.depth;
                            exponentials(weights, sees, log_sums[(token_ + r) * padded(m_.heads) + h]);
                            std::fill(weights + sees, weights + sees_most, 0.0f);
                            const float mean = dot(d_out + row, out + row, m_.depth);
#pragma omp simd
                            for (Index j = 0; j < sees; j++) d_weights[j] = weights[j] * (d_weights[j] - mean);
                            std::fill(d_weights + sees, d_weights + sees_most, 0.0f);
                        }
                        product(rows_, seen.step, sees_most, rows_of(d_weights_.data(), step_),
                                matrix_of(keys_.data(), seen.step), some_, seen.step, false);
                        for (Index r = 0; r < rows_; r++)
                            for (Index d = 0; d < m_.depth; d++)
                                d_qkv[(token_ + r) * m_.qkv_step() + h * m_.depth + d] += shrink * some_[r * seen.step + d];
                        product(sees_most, seen.step, rows_, columns_of(d_weights_.data(), step_),
                                matrix_of(queries_, seen.step), d_keys_.data(), seen.step, true);
                        product(sees_most, seen.step, rows_, columns_of(weights_.data(), step_),
                                matrix_of(d_some_, seen.step), d_values_.data(), seen.step, true);
                    }
                seen.scatter(d_keys_, m_.width + kv * m_.depth, d_qkv);
                seen.scatter(d_values_, m_.width + m_.kv_width() + kv * m_.depth, d_qkv);
            }
    }

  private:
    Index group() const { return m_.heads / m_.kv_heads; }

    void take(const Seen& seen, const float* qkv, Index kv) {
        seen.gather(qkv, m_.width + kv * m_.depth, keys_);
        seen.gather(qkv, m_.width + m_.kv_width() + kv * m_.depth, values_);
        transposed_keys_.pack(keys_.data(), seen.count, m_.depth, seen.step, 1);
        step_ = row_step(seen.count);
        weights_.resize(kQueries * step_);
        buffers_.resize(3 * kQueries * seen.step);
        queries_ = buffers_.data();
        some_ = queries_ + kQueries * seen.step;
        d_some_ = some_ + kQueries * seen.step;
    }

    // Scores of queries q ... of a segment into weights_; row r of them sees the first `first_ + r + 1` keys.
    void score(const Seen& seen, const Segment& s, const float* qkv, Index h, Index q) {
        rows_ = std::min<Index>(kQueries, s.length - q);
        first_ = s.prefix_length + q;
        token_ = s.start + q;
        const float shrink = 1.0f / std::sqrt(static_cast<float>(m_.depth));
        for (Index r = 0; r < rows_; r++) {
            const float* from = qkv + (token_ + r) * m_.qkv_step() + h * m_.depth;
            float* to = queries_ + r * seen.step;
            for (Index d = 0; d < m_.depth; d++) to[d] = shrink * from[d];
            std::fill(to + m_.depth, to + seen.step, 0.0f);
        }
        product(rows_, first_ + rows_, m_.depth, rows_of(queries_, seen.step), transposed_keys_.right(), weights_.data(),
                step_, false);
    }

    const Model& m_;
    const Text& text_;
    Panels transposed_keys_, transposed_values_;
    Floats keys_, values_, weights_, d_weights_, d_keys_, d_values_, buffers_;
    float *queries_ = nullptr, *some_ = nullptr, *d_some_ = nullptr;
    Index step_ = 0, rows_ = 0, first_ = 0, token_ = 0;
};

// Hidden states [tokens, width] after the last norm.
inline void forward(const Model& m, const Text& text, float* hidden, float* kept_data) {
    const Kept kept(m, text.tokens, kept_data);
    const Index ws = m.width_step();
    Floats normed(kBlock * ws), inner(kBlock * kChunkStep);
    Attention attention(m, text);
    PackedLayer packed;
    for (Index t = 0; t < text.tokens; t++)
        std::copy_n(m.embedding + text.token[t] * m.width, m.width, kept.x(0) + t * ws);
    for (Index l = 0; l < m.layers; l++) {
        packed.pack(m, m.layer[l]);
        for (Index t = 0; t < text.tokens; t += kBlock)
            project(m, m.layer[l], packed, std::min(kBlock, text.tokens - t), kept.x(l) + t * ws, text.position + t,
                    normed.data(), kept.qkv(l) + t * m.qkv_step());
        attention.forward(kept.qkv(l), kept.attention(l), kept.log_sums(l));
        for (Index t = 0; t < text.tokens; t += kBlock) {
            const Index rows = std::min(kBlock, text.tokens - t);
            float *middle = kept.middle(l) + t * ws, *out = kept.x(l + 1) + t * ws;
            std::copy_n(kept.x(l) + t * ws, rows * ws, middle);
            add_attention(m, packed, rows, kept.attention(l) + t * ws, middle);
            std::copy_n(middle, rows * ws, out);
            add_feed_forward(m, m.layer[l], packed, rows, out, normed.data(), kept.halves(l, t, rows), inner.data());
        }
    }
    for (Index t = 0; t < text.tokens; t++)
        norm(kept.x(m.layers) + t * ws, m.norm, m.width, m.norm_eps, hidden + t * m.width);
}

// Gradients += those of sum(hidden * d_hidden).
inline void backward(const Model& m, const Text& text, float* kept_data, const float* d_hidden, const Gradients& g) {
    const Kept kept(m, text.tokens, kept_data);
    const Index ws = m.width_step(), qs = m.qkv_step();
    Floats dx(text.tokens * ws, 0.0f), d_attention(text.tokens * ws), d_qkv(text.tokens * qs);
    Floats normed(kBlock * ws), d_normed(kBlock * ws), inverse(kBlock), inner(kBlock * kChunkStep),
        d_inner(kBlock * kChunkStep), d_gate(kBlock * kChunkStep), d_up(kBlock * kChunkStep);
    Attention attention(m, text);
    Panels qkv, attention_out, gate, up, down;
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
            const Right seen = matrix_of(normed.data(), ws);
            for (Index c = 0; c < m.feed_forward; c += kChunk) {
                const Index columns = std::min(kChunk, m.feed_forward - c);
                product(rows, columns, m.width, rows_of(d, ws), down.right().from(0, c), d_inner.data(), kChunkStep,
                        false);
                for (Index r = 0; r < rows; r++) {
                    const Index row = r * kChunkStep;
                    swiglu_backward(halves.gate(r, c), halves.up(r, c), d_inner.data() + row, columns, inner.data() + row,
                                    d_gate.data() + row, d_up.data() + row);
                }
                product(m.width, columns, rows, columns_of(d, ws), matrix_of(inner.data(), kChunkStep), dw.down + c,
                        m.feed_forward, true);
                product(rows, m.width, columns, rows_of(d_gate.data(), kChunkStep), gate.right().from(c, 0),
                        d_normed.data(), ws, c > 0);
                product(rows, m.width, columns, rows_of(d_up.data(), kChunkStep), up.right().from(c, 0),
                        d_normed.data(), ws, true);
                product(columns, m.width, rows, columns_of(d_gate.data(), kChunkStep), seen, dw.gate_up + c * m.width,
                        m.width, true);
                product(columns, m.width, rows, columns_of(d_up.data(), kChunkStep), seen,
                        dw.gate_up + (m.feed_forward + c) * m.width, m.width, true);
            }
            into_norm(kept.middle(l) + t * ws, w.feed_forward_norm, rows, d, dw.feed_forward_norm);
            product(rows, m.width, m.width, rows_of(d, ws), attention_out.right(), d_attention.data() + t * ws, ws, false);
            product(m.width, m.width, rows, columns_of(d, ws), matrix_of(kept.attention(l) + t * ws, ws),
                    dw.attention_out, m.width, true);
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
            product(rows, m.width, m.qkv_width(), rows_of(d, qs), qkv.right(), d_normed.data(), ws, false);
            product(m.qkv_width(), m.width, rows, columns_of(d, qs), matrix_of(normed.data(), ws), dw.qkv, m.width, true);
            into_norm(kept.x(l) + t * ws, w.attention_norm, rows, dx.data() + t * ws, dw.attention_norm);
        }
    }
    for (Index t = 0; t < text.tokens; t++)
        for (Index i = 0; i < m.width; i++) g.embedding[text.token[t] * m.width + i] += dx[t * ws + i];
}

}  // namespace edgewise
