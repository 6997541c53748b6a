// What stands between the hidden states and an update of the weights: linear layers, sums, logarithms and exponentials
// over rows, the norm of the gradients, and AdamW. Rows stand one after the other, without padding.
#pragma once

#include "bf16.hpp"
#include "functions.hpp"

namespace edgewise {

// y = x W^T for W [outputs, inputs]; sharp, because a softmax follows.
template <class Precision>
inline void linear(Index rows, Index outputs, Index inputs, const float* x, const float* weight, float* y) {
    const typename Precision::Thread set;
    typename Precision::SharpWeight packed;
    typename Precision::SharpRows factor;
    packed.pack_weight(weight, outputs, inputs);
    for (Index r = 0; r < rows; r += Precision::kBlock) {
        const Index count = std::min(Precision::kBlock, rows - r);
        product(count, outputs, Precision::sharp_depth(inputs), factor.take(x + r * inputs, inputs, count, inputs),
                packed.right(), y + r * outputs, outputs, false);
    }
}

// Its derivatives, each unless it is null: d_x, and d_weight summed over the rows in their order.
template <class Precision>
inline void linear_backward(Index rows, Index outputs, Index inputs, const float* x, const float* weight,
                            const float* d_y, float* d_x, float* d_weight) {
    constexpr Index kBlock = Precision::kBlock;
    const typename Precision::Thread set;
    if (d_x) {
        typename Precision::Weight packed;
        typename Precision::Rows factor;
        packed.pack_transposed(weight, outputs, inputs);
        for (Index r = 0; r < rows; r += kBlock) {
            const Index count = std::min(kBlock, rows - r);
            product(count, inputs, outputs, factor.take(d_y + r * outputs, outputs, count, outputs), packed.right(),
                    d_x + r * inputs, inputs, false);
        }
    }
    if (!d_weight) return;
    const Index step = row_step(inputs);
    Floats some(kBlock * step);
    typename Precision::Columns left;
    typename Precision::Matrix right;
    for (Index r = 0; r < rows; r += kBlock) {
        const Index count = std::min(kBlock, rows - r);
        for (Index i = 0; i < count; i++) std::copy_n(x + (r + i) * inputs, inputs, some.data() + i * step);
        product(outputs, inputs, count, left.take(d_y + r * outputs, outputs, count, outputs),
                right.take(some.data(), step, count, inputs), d_weight, inputs, r > 0);
    }
}

// The sum of n numbers in double precision: sixteen running sums, then a tree.
template <class Number>
inline double sum(const Number* x, Index n) {
    double lane[kLanes] = {};
    Index i = 0;
    for (; i + kLanes <= n; i += kLanes)
        UNROLLED for (int l = 0; l < kLanes; l++) lane[l] += static_cast<double>(x[i + l]);
    for (int l = 0; i + l < n; l++) lane[l] += static_cast<double>(x[i + l]);
    for (int half = kLanes / 2; half; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

// The sum of n squares. A product of two single numbers is exact in double precision.
inline double sum_of_squares(const float* x, Index n) {
    double lane[kLanes] = {};
    const auto add = [&](int l, float number) {
        const double exact = number;
        lane[l] += exact * exact;
    };
    Index i = 0;
    for (; i + kLanes <= n; i += kLanes)
        UNROLLED for (int l = 0; l < kLanes; l++) add(l, x[i + l]);
    for (int l = 0; i + l < n; l++) add(l, x[i + l]);
    return sum(lane, kLanes);
}

template <class Number>
inline void sums(Index rows, Index columns, const Number* x, Number* y) {
    for (Index r = 0; r < rows; r++) y[r] = static_cast<Number>(sum(x + r * columns, columns));
}

// The largest number of each row, and log(sum of e^(x - largest)): two numbers, because one alone would round away what
// the second says where the first is large.
inline void log_sums(Index rows, Index columns, const float* x, float* y) {
    for (Index r = 0; r < rows; r++, x += columns, y += 2) {
        const float top = largest(x, columns);
        Vector all{};
        Index i = 0;
        for (; i + kLanes <= columns; i += kLanes) all += exponential(load(x + i) - top);
        if (i < columns) {
            const Vector last = exponential(load_some(x + i, columns - i) - top);
            all += lanes() < splat(static_cast<float>(columns - i)) ? last : Vector{};
        }
        y[0] = top;
        y[1] = logarithm(total(all));
    }
}

// d_x = d_y softmax(x), the derivative of log(sum of e^x), from x and what `log_sums` returned.
inline void log_sums_backward(Index rows, Index columns, const float* x, const float* y, const float* d_y, float* d_x) {
    for (Index r = 0; r < rows; r++, x += columns, y += 2, d_x += columns)
        for (Index i = 0; i < columns; i += kLanes) {
            const Vector share = exponential(load_some(x + i, columns - i) - y[0] - y[1]);
            store_some(d_x + i, share * d_y[r], columns - i);
        }
}

// d_x = d_y - softmax(x) sum(d_y), the derivative of y = log_softmax(x), from y.
inline void log_softmax_backward(Index rows, Index columns, const float* y, const float* d_y, float* d_x) {
    for (Index r = 0; r < rows; r++, y += columns, d_y += columns, d_x += columns) {
        const float all = static_cast<float>(sum(d_y, columns));
        for (Index i = 0; i < columns; i += kLanes) {
            const Index n = columns - i;
            store_some(d_x + i, fma(exponential(load_some(y + i, n)), splat(-all), load_some(d_y + i, n)), n);
        }
    }
}

template <class Function>
inline void of_each(Index n, const float* x, float* y, Function function) {
    for (Index i = 0; i < n; i += kLanes) store_some(y + i, function(load_some(x + i, n - i)), n - i);
}

// Rows of `to` += those of `from`, one after the other; `index` says to which.
inline void add_rows(Index rows, Index columns, const std::int64_t* index, const float* from, float* to) {
    for (Index r = 0; r < rows; r++) add(from + r * columns, columns, to + index[r] * columns);
}

// One tensor of weights with its gradient and the moments of AdamW; `kept` is what weight decay leaves of a weight.
struct Weights {
    float *number, *gradient, *mean, *square;
    std::int64_t count;
    float kept, rate, root;  // the learning rate and the root of the variance's bias correction, at this step of its own
};

// AdamW (Loshchilov and Hutter 2019) on gradients x `scale`, elementwise as in torch; roots and quotients are exact.
inline void adamw(Index tensors, const Weights* weights, float scale, double beta_1, double beta_2, float epsilon) {
    const float new_1 = static_cast<float>(1 - beta_1), old_2 = static_cast<float>(beta_2);
    const float new_2 = static_cast<float>(1 - beta_2);
    for (Index t = 0; t < tensors; t++) {
        const Weights w = weights[t];
        for (Index i = 0; i < w.count; i += kLanes) {
            const Index n = w.count - i;
            const Vector g = load_some(w.gradient + i, n) * scale, old = load_some(w.mean + i, n);
            const Vector mean = fma(g - old, splat(new_1), old);
            const Vector square = fma(g * new_2, g, load_some(w.square + i, n) * old_2);
            float roots[kLanes];
            store(roots, square);
#pragma omp simd
            for (int l = 0; l < kLanes; l++) roots[l] = std::sqrt(roots[l]);
            const Vector step = mean / (load(roots) / w.root + epsilon);
            store_some(w.mean + i, mean, n);
            store_some(w.square + i, square, n);
            store_some(w.number + i, fma(step, splat(-w.rate), load_some(w.number + i, n) * w.kept), n);
        }
    }
}

}  // namespace edgewise
