// Matrix products of numbers that are rounded to bfloat16, with sums in FP32: AMX tiles, or vectors of AVX512-BF16.
//
// Processors multiply pairs along k. A pair stands where a float would: factors are laid out as those of products.hpp,
// with pairs in the place of numbers, and k is filled up with zeros to what one tile holds. Sums run over k in order, so
// that an element has the same bits whatever else is in the matrix; they differ between AMX and AVX512-BF16.
#pragma once

#include "products.hpp"

#ifdef __AVX512BF16__

#include <immintrin.h>

namespace edgewise {

// Numbers along k in one row of a tile.
constexpr int kTileDepth = 2 * kLanes;
inline Index pairs(Index depth) { return (depth + kTileDepth - 1) / kTileDepth * kLanes; }

// As Left and Right, of pairs: `from` counts numbers.
struct LowLeft {
    const float* data;
    Index row_step;

    LowLeft from(Index row) const { return {data + row * row_step, row_step}; }
};
struct LowRight {
    const float* data;
    Index panel_step;

    LowRight from(Index k, Index column) const {
        return {data + column / kPanel * panel_step + k / 2 * kPanel, panel_step};
    }
};

inline __mmask16 first(Index n) { return static_cast<__mmask16>(n >= kLanes ? 0xffff : (1u << std::max<Index>(n, 0)) - 1); }
inline __m512 load_first(const float* x, Index n) { return _mm512_maskz_loadu_ps(first(n), x); }
inline void store_pairs(float* to, __m512i x) { _mm512_store_si512(reinterpret_cast<__m512i*>(to), x); }

// Sixteen pairs of neighbours, of the n numbers from x on.
inline __m512i neighbours(const float* x, Index n) {
    return (__m512i)_mm512_cvtne2ps_pbh(load_first(x + kLanes, n - kLanes), load_first(x, n));
}

// Sixteen pairs of what stands at the same place of two rows; a row that is null is one of zeros.
inline __m512i one_below_the_other(const float* upper, const float* lower, Index n) {
    const __m512 zero = _mm512_setzero_ps(), x = upper ? load_first(upper, n) : zero, y = lower ? load_first(lower, n) : zero;
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                           5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(y, x));
}

// What `transpose` does, of what is at hand: pairs (row, row + 1, column) become those of row `column`.
struct PairSquare {
    alignas(4 * kLanes) float data[kLanes * kLanes];

    void write(float* to, Index to_step) const { transpose(data, kLanes, to, to_step); }
    // Of kTileDepth rows, `rows` of which there are, and n columns.
    void read_rows(const float* x, Index step, Index rows, Index n) {
        for (Index i = 0; i < kLanes; i++)
            store_pairs(data + i * kLanes, one_below_the_other(2 * i < rows ? x + 2 * i * step : nullptr,
                                                               2 * i + 1 < rows ? x + (2 * i + 1) * step : nullptr, n));
    }
    // Of kLanes rows, `rows` of which there are, and kTileDepth columns, n of which there are.
    void read_columns(const float* x, Index step, Index rows, Index n) {
        for (Index i = 0; i < kLanes; i++)
            store_pairs(data + i * kLanes, i < rows ? neighbours(x + i * step, n) : _mm512_setzero_si512());
    }
};

// What the three kinds of factors share: memory that grows, and whose rows are never read beyond it.
class LowBuffer {
  protected:
    float* room(Index size) {
        if (static_cast<Index>(data_.size()) < size) data_.resize(size, 0.0f);
        return data_.data();
    }
    Floats data_;
};

constexpr int kBand = 2 * kLanes;  // Rows of a left factor that are read together.
inline Index in_bands(Index rows) { return (rows + kBand - 1) / kBand * kBand; }

// Right factors: panels of pairs.
class LowPanels : LowBuffer {
  public:
    // x -> x W^T for W [outputs, inputs]: element (k, column) is W[column, k].
    void pack_weight(const float* weight, Index outputs, Index inputs) { pack(weight, outputs, inputs, inputs); }
    // dy -> dy W for the same W.
    void pack_transposed(const float* weight, Index outputs, Index inputs) { fill(weight, inputs, outputs, inputs); }

    // Element (k, column) is x[column * step + k].
    void pack(const float* x, Index columns, Index depth, Index step, Index = 1) {
        depth_ = pairs(depth);
        float* to = room(padded(columns) * depth_);
        PairSquare square;
        for (Index j = 0; j < padded(columns); j += kLanes)
            for (Index k = 0; k < depth_; k += kLanes) {
                square.read_columns(x + j * step + 2 * k, step, columns - j, depth - 2 * k);
                square.write(to + j / kPanel * kPanel * depth_ + j % kPanel + k * kPanel, kPanel);
            }
    }
    // Element (k, column) is x[k * step + column].
    void fill(const float* x, Index columns, Index depth, Index step) {
        depth_ = pairs(depth);
        float* to = room(padded(columns) * depth_);
        for (Index j = 0; j < padded(columns); j += kLanes)
            for (Index k = 0; k < depth_; k++) {
                const float* upper = 2 * k < depth ? x + 2 * k * step + j : nullptr;
                const float* lower = 2 * k + 1 < depth ? x + (2 * k + 1) * step + j : nullptr;
                store_pairs(to + j / kPanel * kPanel * depth_ + j % kPanel + k * kPanel,
                            one_below_the_other(upper, lower, columns - j));
            }
    }
    LowRight right() const { return {data_.data(), kPanel * depth_}; }

  private:
    Index depth_ = 0;
};

// c (+)= a b, as that of products.hpp.
#ifdef __AMX_BF16__

// The compiler does not know what memory the intrinsics of tiles read: it must have written all of it before.
inline void finish_writing() { asm volatile("" ::: "memory"); }

// Tiles of one thread, from here to the end of the block; what others had set is set again.
class Tiles {
  public:
    Tiles() {
        asm volatile("sttilecfg %0" : "=m"(before_));
        Configuration own{};
        own.palette = 1;
        for (int i = 0; i < 8; i++) {
            own.bytes[i] = 4 * kLanes;
            own.rows[i] = kLanes;
        }
        asm volatile("ldtilecfg %0" ::"m"(own));
    }
    ~Tiles() { asm volatile("ldtilecfg %0" ::"m"(before_)); }
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;

  private:
    struct alignas(64) Configuration {
        std::uint8_t palette, start, reserved[14];
        std::uint16_t bytes[16];
        std::uint8_t rows[16];
    };
    Configuration before_;
};

// kBand rows and one panel of columns, or the first half of the rows.
template <bool kBoth>
inline void band(Index depth, LowLeft a, const float* b, float* c, Index c_step, bool add) {
    constexpr int kRow = 4, kNext = kLanes;  // bytes of a pair; pairs of a row of a tile
    const Index c_bytes = c_step * kRow, a_bytes = a.row_step * kRow, b_bytes = kPanel * kRow;
    finish_writing();
    if (add) {
        _tile_loadd(0, c, c_bytes);
        _tile_loadd(1, c + kNext, c_bytes);
        if constexpr (kBoth) {
            _tile_loadd(2, c + kLanes * c_step, c_bytes);
            _tile_loadd(3, c + kLanes * c_step + kNext, c_bytes);
        }
    } else {
        _tile_zero(0);
        _tile_zero(1);
        if constexpr (kBoth) {
            _tile_zero(2);
            _tile_zero(3);
        }
    }
    for (Index k = 0; k < depth; k += kNext) {
        _tile_loadd(4, a.data + k, a_bytes);
        _tile_loadd(6, b + k * kPanel, b_bytes);
        _tile_loadd(7, b + k * kPanel + kNext, b_bytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if constexpr (kBoth) {
            _tile_loadd(5, a.data + kLanes * a.row_step + k, a_bytes);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, c_bytes);
    _tile_stored(1, c + kNext, c_bytes);
    if constexpr (kBoth) {
        _tile_stored(2, c + kLanes * c_step, c_bytes);
        _tile_stored(3, c + kLanes * c_step + kNext, c_bytes);
    }
    finish_writing();
}

inline void product(Index rows, Index columns, Index depth, LowLeft a, LowRight b, float* c, Index c_step, bool add) {
    alignas(64) float edge[kBand * kPanel];
    for (Index j = 0, p = 0; j < columns; j += kPanel, p++) {
        const float* panel = b.data + p * b.panel_step;
        const Index own = std::min<Index>(kPanel, columns - j);
        for (Index i = 0; i < rows; i += kBand) {
            const Index some = std::min<Index>(kBand, rows - i);
            const bool whole = some == kBand && own == kPanel;
            float *place = c + i * c_step + j, *to = whole ? place : edge;
            const Index step = whole ? c_step : kPanel;
            if (!whole && add)
                for (Index r = 0; r < some; r++) std::copy_n(place + r * c_step, own, edge + r * kPanel);
            if (some > kLanes)
                band<true>(pairs(depth), a.from(i), panel, to, step, add);
            else
                band<false>(pairs(depth), a.from(i), panel, to, step, add);
            if (!whole)
                for (Index r = 0; r < some; r++) std::copy_n(edge + r * kPanel, own, place + r * c_step);
        }
    }
}

#else

struct Tiles {
    Tiles() {}  // There are none to set.
};

struct TwoProducts {
    static void add(Part& sum, Part x, Part y) { asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y)); }
};

inline void product(Index rows, Index columns, Index depth, LowLeft a, LowRight b, float* c, Index c_step, bool add) {
    product<TwoProducts>(rows, columns, pairs(depth), Left{a.data, a.row_step, 1}, Right{b.data, kPanel, b.panel_step}, c,
                         c_step, add);
}

#endif

// Numbers [rows, columns] three times beside each other, where one of the three is what rounding leaves of them, so that
// a product of two such factors is that of sums of two bfloat16, but for what is smallest: 16 bits, not 8.
class Split {
  public:
    const float* take(const float* x, Index step, Index rows, Index columns, int place_of_rest) {
        wide_.resize(3 * rows * columns);
        for (Index r = 0; r < rows; r++)
            for (int place = 0; place < 3; place++) {
                float* to = wide_.data() + (3 * r + place) * columns;
                for (Index k = 0; k < columns; k += kLanes) {
                    const __m512 all = load_first(x + r * step + k, columns - k);
                    const __m512i rounded = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(all));
                    const __m512 rest = all - (__m512)_mm512_slli_epi32(rounded, 16);
                    _mm512_mask_storeu_ps(to + k, first(columns - k), place == place_of_rest ? rest : all);
                }
            }
        return wide_.data();
    }

  private:
    Floats wide_;
};

class LowCache;

// As Fp32, of numbers that are rounded when they are taken.
struct Bf16 {
    static constexpr Index kBlock = 256;
    using Cache = LowCache;
    using Thread = Tiles;
    using Left = LowLeft;
    using Right = LowRight;
    using Weight = LowPanels;

    class Rows : LowBuffer {
      public:
        LowLeft take(const float* x, Index step, Index rows, Index columns) {
            const Index each = pairs(columns) + kLanes;
            float* to = room(in_bands(rows) * each);
            for (Index r = 0; r < rows; r++)
                for (Index k = 0; 2 * k < columns; k += kLanes)
                    store_pairs(to + r * each + k, neighbours(x + r * step + 2 * k, columns - 2 * k));
            return {to, each};
        }
    };
    class SharpRows {
      public:
        LowLeft take(const float* x, Index step, Index rows, Index columns) {
            return rows_.take(split_.take(x, step, rows, columns, 2), 3 * columns, rows, 3 * columns);
        }

      private:
        Split split_;
        Rows rows_;
    };
    class SharpWeight {
      public:
        void pack_weight(const float* weight, Index outputs, Index inputs) {
            packed_.pack_weight(Split().take(weight, inputs, outputs, inputs, 1), outputs, 3 * inputs);
        }
        LowRight right() const { return packed_.right(); }

      private:
        LowPanels packed_;
    };
    static Index sharp_depth(Index depth) { return 3 * depth; }
    class Columns : LowBuffer {
      public:
        LowLeft take(const float* x, Index step, Index rows, Index columns) {
            const Index each = pairs(rows) + kLanes;
            float* to = room(in_bands(columns) * each);
            PairSquare square;
            for (Index k = 0; 2 * k < rows; k += kLanes)
                for (Index j = 0; j < columns; j += kLanes) {
                    square.read_rows(x + 2 * k * step + j, step, rows - 2 * k, columns - j);
                    square.write(to + j * each + k, each);
                }
            return {to, each};
        }
    };
    class Matrix {
      public:
        LowRight take(const float* x, Index step, Index rows, Index columns) {
            panels_.fill(x, columns, rows, step);
            return panels_.right();
        }

      private:
        LowPanels panels_;
    };
};

}  // namespace edgewise

#endif
