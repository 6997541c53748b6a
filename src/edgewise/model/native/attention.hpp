// Causal attention over packed tokens, and its derivative.
//
// Tokens are flat, without padding. A segment is a run of tokens that attend to each other causally, and
// to all of the segment that it continues, if there is one: a prompt shared by its completions.
//
// Scores stand transposed, a row for each key and a lane for each query, so that softmax goes down the
// rows in whole vectors.
#pragma once

#include <algorithm>

#include "decoder.hpp"

namespace edgewise {

struct Segment {
    std::int64_t start, length, prefix_start, prefix_length;
};

struct PackedTokens {
    std::int64_t tokens, segments;
    const std::int32_t *token, *position;
    const Segment* segment;
};

// Queries that are treated together, and keys where their derivatives are taken.
constexpr Index kQueries = 32, kKeys = 128;
constexpr int kQueryVectors = kQueries / kLanes;
// Rows of tokens are too far apart for a processor to fetch them ahead by itself: so many rows ahead it is told to.
constexpr Index kAhead = 16;

// The keys and values one segment sees, of one key-value head.
class Seen {
  public:
    Seen(const Model& m, const Segment& s) : m_(m), s_(s), count(s.prefix_length + s.length), step(padded(m.depth)) {}

    // Rows [count, step] of what stands at `offset` of each token's row.
    void gather(const float* qkv, Index offset, Floats& to) const {
        to.resize(count * step);
        for (Index i = 0; i < count; i++) {
            const float *from = qkv + at(i) + offset, *ahead = qkv + at(std::min(i + kAhead, count - 1)) + offset;
            float* row = to.data() + i * step;
            for (Index d = 0; d < m_.depth; d += kLanes) {
                __builtin_prefetch(ahead + d);
                store(row + d, load(from + d));
            }
            for (Index d = m_.depth; d < step; d++) row[d] = 0.0f;
        }
    }
    void scatter(const Floats& from, Index offset, float* qkv) const {
        for (Index i = 0; i < count; i++) add(from.data() + i * step, m_.depth, qkv + at(i) + offset);
    }

  private:
    // Where the row of number i of the tokens begins.
    Index at(Index i) const {
        return (i < s_.prefix_length ? s_.prefix_start + i : s_.start + i - s_.prefix_length) * m_.qkv_step();
    }

    const Model& m_;
    const Segment& s_;

  public:
    const Index count, step;
};

// Forward and backward, segment by segment, head by head, kQueries queries at a time.
template <class Precision>
class Attention {
  public:
    Attention(const Model& m, const PackedTokens& text)
        : m_(m), text_(text), step_(padded(m.depth)), shrink_(1.0f / std::sqrt(static_cast<float>(m.depth))),
          queries_(kQueries * step_), some_(kQueries * step_), d_some_(kQueries * step_) {}

    void forward(const float* qkv, float* out, float* log_sums) {
        for (Index i = 0; i < text_.segments; i++)
            for (Index kv = 0; kv < m_.kv_heads; kv++) {
                const Seen seen = take(text_.segment[i], qkv, kv);
                values_right_ = values_matrix_.take(values_.data(), step_, seen.count, step_);
                weights_.resize(seen.count * kQueries);
                for (Index h = kv * group(); h < (kv + 1) * group(); h++)
                    for (Index q = 0; q < text_.segment[i].length; q += kQueries) {
                        ask(text_.segment[i], qkv, h, q);
                        score(keys_left_, packed_queries_, sees_most(), weights_);
                        float top[kQueries], sum[kQueries];
                        softmax(top, sum);
                        product(rows_, step_, sees_most(),
                                weights_columns_.take(weights_.data(), kQueries, sees_most(), kQueries), values_right_,
                                some_.data(), step_, false);
                        for (Index r = 0; r < rows_; r++) {
                            float* to = out + (token_ + r) * m_.width_step() + h * m_.depth;
                            for (Index d = 0; d < m_.depth; d++) to[d] = some_[r * step_ + d] / sum[r];
                            log_sums[(token_ + r) * padded(m_.heads) + h] = top[r] + logarithm(sum[r]);
                        }
                    }
            }
    }

    // d_qkv += the derivatives, from those of the output.
    void backward(const float* qkv, const float* out, const float* log_sums, const float* d_out, float* d_qkv) {
        weights_.resize(kKeys * kQueries);
        d_weights_.resize(kKeys * kQueries);
        for (Index i = 0; i < text_.segments; i++)
            for (Index kv = 0; kv < m_.kv_heads; kv++) {
                const Seen seen = take(text_.segment[i], qkv, kv);
                values_left_ = values_rows_.take(values_.data(), step_, seen.count, m_.depth);
                keys_right_ = keys_matrix_.take(keys_.data(), step_, seen.count, step_);
                d_keys_.assign(seen.count * step_, 0.0f);
                d_values_.assign(seen.count * step_, 0.0f);
                for (Index h = kv * group(); h < (kv + 1) * group(); h++)
                    for (Index q = 0; q < text_.segment[i].length; q += kQueries) {
                        ask(text_.segment[i], qkv, h, q);
                        float log_sum[kQueries] = {}, mean[kQueries] = {};
                        for (Index r = 0; r < rows_; r++) {
                            const Index row = (token_ + r) * m_.width_step() + h * m_.depth;
                            std::copy_n(d_out + row, m_.depth, d_some_.data() + r * step_);
                            log_sum[r] = log_sums[(token_ + r) * padded(m_.heads) + h];
                            mean[r] = dot(d_out + row, out + row, m_.depth);
                        }
                        packed_d_some_.pack(d_some_.data(), kQueries, m_.depth, step_, 1);
                        queries_right_ = queries_matrix_.take(queries_.data(), step_, rows_, step_);
                        d_some_right_ = d_some_matrix_.take(d_some_.data(), step_, rows_, step_);
                        for (Index key = 0; key < sees_most(); key += kKeys)
                            differentiate(key, std::min(kKeys, sees_most() - key), log_sum, mean);
                        for (Index r = 0; r < rows_; r++) {
                            float* to = d_qkv + (token_ + r) * m_.qkv_step() + h * m_.depth;
                            for (Index d = 0; d < m_.depth; d++) to[d] += shrink_ * some_[r * step_ + d];
                        }
                    }
                seen.scatter(d_keys_, m_.width + kv * m_.depth, d_qkv);
                seen.scatter(d_values_, m_.width + m_.kv_width() + kv * m_.depth, d_qkv);
            }
    }

  private:
    using Left = typename Precision::Left;
    using Right = typename Precision::Right;
    using Weight = typename Precision::Weight;

    Index group() const { return m_.heads / m_.kv_heads; }
    Index sees_most() const { return first_ + rows_; }

    Seen take(const Segment& s, const float* qkv, Index kv) {
        const Seen seen(m_, s);
        seen.gather(qkv, m_.width + kv * m_.depth, keys_);
        seen.gather(qkv, m_.width + m_.kv_width() + kv * m_.depth, values_);
        keys_left_ = keys_rows_.take(keys_.data(), step_, seen.count, m_.depth);
        return seen;
    }

    // Queries q ... of a segment; number r of them sees the first `first_ + r + 1` keys.
    void ask(const Segment& s, const float* qkv, Index h, Index q) {
        rows_ = std::min<Index>(kQueries, s.length - q);
        first_ = s.prefix_length + q;
        token_ = s.start + q;
        for (Index r = 0; r < rows_; r++) {
            const float* from = qkv + (token_ + r) * m_.qkv_step() + h * m_.depth;
            for (Index d = 0; d < m_.depth; d++) queries_[r * step_ + d] = shrink_ * from[d];
        }
        packed_queries_.pack(queries_.data(), kQueries, m_.depth, step_, 1);
    }

    // to[i, query] = x[i] . y[query]
    void score(Left x, const Weight& y, Index count, Floats& to) const {
        product(count, kQueries, m_.depth, x, y.right(), to.data(), kQueries, false);
    }

    // x for those of the queries of a vector that see the key, and `other` for the others.
    Vector where_seen(Index key, int vector, Vector x, Vector other) const {
        if (key <= first_) return x;
        return lanes() + splat(static_cast<float>(vector * kLanes)) < splat(static_cast<float>(key - first_)) ? other : x;
    }

    // Of all scores of each query: e^(score - top), with their sum.
    void softmax(float* top, float* sum) {
        Vector most[kQueryVectors], all[kQueryVectors];
        UNROLLED for (int v = 0; v < kQueryVectors; v++) {
            most[v] = load(weights_.data() + v * kLanes);
            all[v] = Vector{};
        }
        for (Index key = 1; key < sees_most(); key++)
            UNROLLED for (int v = 0; v < kQueryVectors; v++) {
                const Vector x = where_seen(key, v, load(weights_.data() + key * kQueries + v * kLanes), most[v]);
                most[v] = larger(x, most[v]);
            }
        for (Index key = 0; key < sees_most(); key++)
            UNROLLED for (int v = 0; v < kQueryVectors; v++) {
                float* x = weights_.data() + key * kQueries + v * kLanes;
                const Vector y = where_seen(key, v, exponential(load(x) - most[v]), Vector{});
                all[v] += y;
                store(x, y);
            }
        UNROLLED for (int v = 0; v < kQueryVectors; v++) {
            store(top + v * kLanes, most[v]);
            store(sum + v * kLanes, all[v]);
        }
    }

    // What `count` keys from one on add to the derivatives.
    void differentiate(Index key, Index count, const float* log_sum, const float* mean) {
        score(keys_left_.from(key), packed_queries_, count, weights_);
        score(values_left_.from(key), packed_d_some_, count, d_weights_);
        for (Index i = 0; i < count; i++)
            UNROLLED for (int v = 0; v < kQueryVectors; v++) {
                float *weight = weights_.data() + i * kQueries + v * kLanes;
                float *d_weight = d_weights_.data() + i * kQueries + v * kLanes;
                const Vector x = exponential(load(weight) - load(log_sum + v * kLanes));
                const Vector y = where_seen(key + i, v, x, Vector{});
                store(weight, y);
                store(d_weight, y * (load(d_weight) - load(mean + v * kLanes)));
            }
        const float *weights = weights_.data(), *d_weights = d_weights_.data();
        product(rows_, step_, count, weights_columns_.take(d_weights, kQueries, count, kQueries), keys_right_.from(key, 0),
                some_.data(), step_, key > 0);
        product(count, step_, rows_, weights_rows_.take(d_weights, kQueries, count, rows_), queries_right_,
                d_keys_.data() + key * step_, step_, true);
        product(count, step_, rows_, weights_rows_.take(weights, kQueries, count, rows_), d_some_right_,
                d_values_.data() + key * step_, step_, true);
    }

    const Model& m_;
    const PackedTokens& text_;
    const Index step_;
    const float shrink_;
    // Rows beyond the last query keep what an earlier block left there; nothing of theirs is used.
    Floats queries_, some_, d_some_;
    Weight packed_queries_, packed_d_some_;
    typename Precision::Rows keys_rows_, values_rows_, weights_rows_;
    typename Precision::Columns weights_columns_;
    typename Precision::Matrix keys_matrix_, values_matrix_, queries_matrix_, d_some_matrix_;
    Left keys_left_{}, values_left_{};
    Right keys_right_{}, values_right_{}, queries_right_{}, d_some_right_{};
    Floats keys_, values_, weights_, d_weights_, d_keys_, d_values_;
    Index rows_ = 0, first_ = 0, token_ = 0;
};

}  // namespace edgewise
