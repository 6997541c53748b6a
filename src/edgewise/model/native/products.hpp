// Matrix products in FP32, the one place where nearly all of the time goes.
//
// A product is cut into tiles of a few rows and one panel of columns; a tile stays in registers while
// k runs. Every element is summed over k in order, one product after the other and each rounded once, so that it has the
// same bits whatever else is in the matrix, and whatever the size of a tile.
#pragma once

#include "vectors.hpp"

namespace edgewise {

// As many accumulators as there are registers to hold them.
#ifdef __AVX512F__
constexpr int kTileRows = 8, kTileVectors = 2;
#else
constexpr int kTileRows = 6, kTileVectors = 1;
#endif
constexpr int kPanel = kLanes * kTileVectors;
// The left factor: element (row, k) stands at data[row * row_step + k * k_step].
struct Left {
    const float* data;
    Index row_step, k_step;

    // The same from some row on.
    Left from(Index row) const { return {data + row * row_step, row_step, k_step}; }
};

// The right factor: element (k, column) of panel p stands at data[p * panel_step + k * k_step + column].
struct Right {
    const float* data;
    Index k_step, panel_step;

    // The same from some k and some column on; `column` is a multiple of kPad.
    Right from(Index k, Index column) const {
        return {data + column / kPanel * panel_step + k * k_step, k_step, panel_step};
    }
};

// What one step along k adds to a sum.
struct OneProduct {
    static void add(Part& sum, Part x, Part y) { add_product(sum, x, y); }
};

template <int R, class Step>
inline void tile(Index depth, const float* a, Index a_row, Index a_k, const float* b, Index b_step, float* c,
                 Index c_step, bool add, Index columns) {
    float edge[R * kPanel];
    const bool whole = columns >= kPanel;
    float* to = whole ? c : edge;
    const Index step = whole ? c_step : kPanel;
    if (add && !whole)
        for (int r = 0; r < R; r++) std::copy_n(c + r * c_step, columns, edge + r * kPanel);
    constexpr int kWide = kTileVectors * kParts;
    Part sum[R][kWide];
    UNROLLED for (int r = 0; r < R; r++)
        UNROLLED for (int v = 0; v < kWide; v++) sum[r][v] = Part{};
    if (add)
        UNROLLED for (int r = 0; r < R; r++)
            UNROLLED for (int v = 0; v < kWide; v++) sum[r][v] = load_part(to + r * step + v * kPartLanes);
    // Two at a time: what the loop itself takes is a tenth of what is in it.
    _Pragma("GCC unroll 2") for (Index k = 0; k < depth; k++) {
        Part right[kWide];
        UNROLLED for (int v = 0; v < kWide; v++) right[v] = load_part(b + k * b_step + v * kPartLanes);
        const float* left = a + k * a_k;
        UNROLLED for (int r = 0; r < R; r++) {
            const Part x = splat_part(left[r * a_row]);
            UNROLLED for (int v = 0; v < kWide; v++) Step::add(sum[r][v], x, right[v]);
        }
    }
    UNROLLED for (int r = 0; r < R; r++)
        UNROLLED for (int v = 0; v < kWide; v++) store_part(to + r * step + v * kPartLanes, sum[r][v]);
    if (!whole)
        for (int r = 0; r < R; r++) std::copy_n(edge + r * kPanel, columns, c + r * c_step);
}

template <int R, class Step>
inline void last_rows(Index rows, Index depth, Left a, const float* b, Index b_step, float* c, Index c_step, bool add,
                      Index columns) {
    if (rows == R)
        tile<R, Step>(depth, a.data, a.row_step, a.k_step, b, b_step, c, c_step, add, columns);
    else if constexpr (R > 1)
        last_rows<R - 1, Step>(rows, depth, a, b, b_step, c, c_step, add, columns);
}

// c (+)= a b, where c is [rows, columns] with rows c_step apart; `depth` is what is summed over.
template <class Step = OneProduct>
inline void product(Index rows, Index columns, Index depth, Left a, Right b, float* c, Index c_step, bool add) {
    for (Index j = 0, p = 0; j < columns; j += kPanel, p++) {
        const float* panel = b.data + p * b.panel_step;
        Index i = 0;
        for (; i + kTileRows <= rows; i += kTileRows)
            tile<kTileRows, Step>(depth, a.data + i * a.row_step, a.row_step, a.k_step, panel, b.k_step,
                            c + i * c_step + j, c_step, add, columns - j);
        if (i < rows)
            last_rows<kTileRows - 1, Step>(rows - i, depth, {a.data + i * a.row_step, a.row_step, a.k_step}, panel,
                                     b.k_step, c + i * c_step + j, c_step, add, columns - j);
    }
}

// Rows as a left factor, as they stand and transposed.
inline Left rows_of(const float* x, Index step) { return {x, step, 1}; }
inline Left columns_of(const float* x, Index step) { return {x, 1, step}; }
// Rows of a padded buffer as a right factor: k counts rows.
inline Right matrix_of(const float* x, Index step) { return {x, step, kPanel}; }

// to[k, i] = from[i, k] for kLanes rows and columns: lanes change places by eights, then by fours, and so on.
inline void transpose(const float* from, Index from_step, float* to, Index to_step) {
    Vector x[kLanes], y[kLanes];
    UNROLLED for (int i = 0; i < kLanes; i++) x[i] = load(from + i * from_step);
    UNROLLED for (int i = 0; i < 8; i++) {
        y[i] = LANES(x[i], x[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        y[i + 8] = LANES(x[i], x[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
    UNROLLED for (int i = 0; i < 16; i += i % 8 == 3 ? 5 : 1) {
        x[i] = LANES(y[i], y[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
        x[i + 4] = LANES(y[i], y[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
    }
    UNROLLED for (int i = 0; i < 16; i += i % 4 == 1 ? 3 : 1) {
        y[i] = LANES(x[i], x[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        y[i + 2] = LANES(x[i], x[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
    UNROLLED for (int i = 0; i < 16; i += 2) {
        x[i] = LANES(y[i], y[i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
        x[i + 1] = LANES(y[i], y[i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    }
    UNROLLED for (int i = 0; i < kLanes; i++) store(to + i * to_step, x[i]);
}

// A right factor of our own making: panels one after the other, what is beyond the last column is 0.
class Panels {
  public:
    // Element (k, column) is source[column * column_step + k * k_step].
    void pack(const float* source, Index columns, Index depth, Index column_step, Index k_step) {
        depth_ = depth;
        data_.resize(static_cast<std::size_t>(padded(columns)) * depth);
        float* to = data_.data();
        for (Index j = 0; j < columns; j += kPanel) {
            const Index own = std::min<Index>(kPanel, columns - j);
            const float* from = source + j * column_step;
            Index k = 0;
            if (own == kPanel && k_step == 1)
                for (; k + kLanes <= depth; k += kLanes, to += kLanes * kPanel)
                    for (Index i = 0; i < kPanel; i += kLanes)
                        transpose(from + i * column_step + k, column_step, to + i, kPanel);
            for (; k < depth; k++, to += kPanel) {
                for (Index i = 0; i < own; i++) to[i] = from[i * column_step + k * k_step];
                std::fill(to + own, to + kPanel, 0.0f);
            }
        }
    }
    // x -> x W^T for W [outputs, inputs], as torch keeps it.
    void pack_weight(const float* weight, Index outputs, Index inputs) { pack(weight, outputs, inputs, inputs, 1); }
    // dy -> dy W for the same W.
    void pack_transposed(const float* weight, Index outputs, Index inputs) {
        pack(weight, inputs, outputs, 1, inputs);
    }
    Right right() const { return {data_.data(), kPanel, kPanel * depth_}; }

  private:
    Floats data_;
    Index depth_ = 0;
};

class Cache;

// Products in FP32: what is multiplied is taken as it stands. Another precision has the same names and copies.
struct Fp32 {
    // Rows that are treated together, so that what stands between two products stays in the cache of a core.
    static constexpr Index kBlock = 128;
    using Cache = edgewise::Cache;
    struct Thread {
        Thread() {}  // What a thread has to set first: nothing.
    };
    using Left = edgewise::Left;
    using Right = edgewise::Right;
    using Weight = Panels;
    // Those of a product before a softmax, where no rounding is bearable.
    using SharpWeight = Panels;
    static Index sharp_depth(Index depth) { return depth; }
    // Numbers [rows, columns] with rows `step` apart: as a left factor, as one that is transposed, as a right factor.
    struct Rows {
        Left take(const float* x, Index step, Index, Index) { return rows_of(x, step); }
    };
    using SharpRows = Rows;
    struct Columns {
        Left take(const float* x, Index step, Index, Index) { return columns_of(x, step); }
    };
    struct Matrix {
        Right take(const float* x, Index step, Index, Index) { return matrix_of(x, step); }
    };
};

}  // namespace edgewise
