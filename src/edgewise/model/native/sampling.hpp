// Sampling: every thread keeps a few slots busy, from the prompt to the last token, without asking anybody.
//
// Work is handed out in units: some samples of one prompt. A thread reads the unit's prompt once, and all
// of the unit's samples attend to the same keys and values. A slot whose sample ends takes the next one at
// once, so that the long tail of lengths does not idle the batch.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <system_error>
#include <thread>

#include "bf16_cache.hpp"
#include "cache.hpp"
#include "decoder.hpp"

namespace edgewise {

struct SamplingRequest {
    std::int64_t problems, samples, max_new_tokens;
    const std::int32_t* prompts;       // all prompts, one after the other
    const std::int64_t* prompt_start;  // [problems + 1]
    const std::int32_t* limit;         // [problems] most tokens of a completion
    const std::int64_t* keys;          // [problems, samples]
    float temperature;                 // 0: the likeliest token
    std::int32_t eos_id;
    std::int64_t threads, slots;
    std::int32_t* tokens;  // [problems, samples, max_new_tokens], -1 where nothing is written
    float* logp;           // the same shape: under the distribution that is sampled from
    float* model_logp;     // the same shape: at temperature 1; or null
};

// Number in [0, 1) for a key and a position: splitmix64, as edgewise.sampling.random_numbers.
inline double uniform(std::int64_t key, Index position) {
    std::uint64_t x = static_cast<std::uint64_t>(key) + 0x9E3779B97F4A7C15ull * static_cast<std::uint64_t>(position + 1);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    x ^= x >> 31;
    return static_cast<double>(x >> 11) * 0x1p-53;
}

// A prompt that was read: its cache, its keys and values once more for many queries at a time, [layers, kv heads], and
// the logits of what comes first.
template <class Precision>
struct Prompt {
    typename Precision::Cache cache;
    Index length;
    std::vector<typename Precision::Weight> keys;
    std::vector<typename Precision::Matrix> matrices;
    std::vector<typename Precision::Right> values;
    Floats logits;
};

// What one row of a pass is: a token at a place of its own sequence, behind a prompt or part of it (null).
template <class Precision>
struct Row {
    const Prompt<Precision>* prompt;
    typename Precision::Cache* own;
    Index place;

    Index shared() const { return prompt ? prompt->length : 0; }
};

template <class Precision>
struct Slot {
    std::shared_ptr<const Prompt<Precision>> prompt;
    typename Precision::Cache cache;
    Index row, length, limit;  // row: problem x samples + sample
    std::int32_t token;
};

template <class Precision>
class Packed {
  public:
    explicit Packed(const Model& m) : layers(m.layers) {
        for (Index l = 0; l < m.layers; l++) layers[l].pack(m, m.layer[l]);
        head.pack_weight(m.head, m.vocabulary, m.width);
    }
    std::vector<PackedLayer<Precision>> layers;
    typename Precision::SharpWeight head;
};

template <class Precision>
class Worker {
  public:
    Worker(const Model& m, const Packed<Precision>& packed, const SamplingRequest& request)
        : m_(m), packed_(packed), request_(request), rows_(std::max<Index>(request.slots, kPromptRows)),
          x_(rows_ * m.width_step()), normed_(x_.size()), attention_(x_.size()), qkv_(rows_ * m.qkv_step()),
          halves_(rows_ * Halves::kStep), inner_(rows_ * kChunkStep), logits_(rows_ * padded(m.vocabulary)),
          mixed_(padded(m.depth)), positions_(rows_), row_(rows_) {}

    // Units until there are none left, in so many slots; `next` is shared by the threads.
    void work(std::atomic<Index>& next, Index unit, Index slots) {
        const Index units_each = (request_.samples + unit - 1) / unit, units = request_.problems * units_each;
        std::shared_ptr<const edgewise::Prompt<Precision>> prompt;
        Index problem = 0, sample = 0, last = 0;
        for (;;) {
            while (static_cast<Index>(slots_.size()) < slots) {
                if (sample == last) {
                    const Index u = next.fetch_add(1);
                    if (u >= units) break;
                    problem = u / units_each;
                    sample = u % units_each * unit;
                    last = std::min(sample + unit, request_.samples);
                    prompt = read(problem);
                }
                start(prompt, problem, sample++);
            }
            if (slots_.empty()) return;
            advance();
        }
    }

  private:
    static constexpr Index kPromptRows = 64;
    using Cache = typename Precision::Cache;
    using Prompt = edgewise::Prompt<Precision>;
    using Row = edgewise::Row<Precision>;
    using Slot = edgewise::Slot<Precision>;

    Cache cache_of(Index tokens) const { return Cache(m_.layers, m_.kv_heads, m_.depth, tokens); }

    std::shared_ptr<const Prompt> read(Index problem) {
        const Index from = request_.prompt_start[problem], length = request_.prompt_start[problem + 1] - from;
        auto prompt = std::make_shared<Prompt>(Prompt{cache_of(length), length, {}, {}, {}, {}});
        Index rows = 0;
        for (Index t = 0; t < length; t += rows) {
            rows = std::min(kPromptRows, length - t);
            for (Index r = 0; r < rows; r++) enter(r, request_.prompts[from + t + r], {nullptr, &prompt->cache, t + r});
            run(rows);
        }
        const Index step = prompt->cache.step();
        for (Index l = 0; l < m_.layers; l++)
            for (Index h = 0; h < m_.kv_heads; h++) {
                const float* keys = prompt->cache.key_rows(l, h, length, room_);
                prompt->keys.emplace_back().pack(keys, length, m_.depth, step, 1);
                const float* values = prompt->cache.value_rows(l, h, length, room_);
                prompt->values.push_back(prompt->matrices.emplace_back().take(values, step, length, m_.depth));
            }
        write_logits(rows - 1, 1);
        prompt->logits.assign(logits_.begin(), logits_.begin() + m_.vocabulary);
        return prompt;
    }

    void start(const std::shared_ptr<const Prompt>& prompt, Index problem, Index sample) {
        const Index limit = request_.limit[problem];
        if (spare_.empty()) spare_.push_back(cache_of(request_.max_new_tokens));
        Slot slot{prompt, std::move(spare_.back()), problem * request_.samples + sample, 0, limit, 0};
        spare_.pop_back();
        std::copy_n(prompt->logits.data(), m_.vocabulary, logits_.data());
        if (draw(slot, logits_.data()))
            slots_.push_back(std::move(slot));
        else
            spare_.push_back(std::move(slot.cache));
    }

    // One token for every slot.
    void advance() {
        const Index rows = slots_.size();
        for (Index r = 0; r < rows; r++) {
            Slot& slot = slots_[r];
            enter(r, slot.token, {slot.prompt.get(), &slot.cache, slot.length - 1});
        }
        run(rows);
        write_logits(0, rows);
        Index kept = 0;
        for (Index r = 0; r < rows; r++) {
            if (draw(slots_[r], logits_.data() + r * padded(m_.vocabulary))) {
                if (kept != r) slots_[kept] = std::move(slots_[r]);
                kept++;
            } else {
                spare_.push_back(std::move(slots_[r].cache));
            }
        }
        slots_.erase(slots_.begin() + kept, slots_.end());
    }

    void enter(Index r, std::int32_t token, const Row& row) {
        std::copy_n(m_.embedding + token * m_.width, m_.width, x_.data() + r * m_.width_step());
        row_[r] = row;
        positions_[r] = static_cast<std::int32_t>(row.shared() + row.place);
    }

    // All layers over the rows that were entered.
    void run(Index rows) {
        for (Index l = 0; l < m_.layers; l++) {
            const PackedLayer<Precision>& packed = packed_.layers[l];
            project(m_, m_.layer[l], packed, rows, x_.data(), positions_.data(), normed_.data(), factor_, qkv_.data());
            for (Index r = 0; r < rows; r++) {
                float* q = qkv_.data() + r * m_.qkv_step();
                scale(q, m_.width, 1.0f / std::sqrt(static_cast<float>(m_.depth)));
                row_[r].own->write(l, row_[r].place, q + m_.width, q + m_.width + m_.kv_width());
            }
            for (Index first = 0, end; first < rows; first = end) {
                for (end = first + 1; end < rows && row_[end].prompt == row_[first].prompt;) end++;
                attend(l, first, end);
            }
            add_attention(m_, packed, rows, attention_.data(), factor_, x_.data());
            add_feed_forward(m_, m_.layer[l], packed, rows, x_.data(), normed_.data(),
                             {halves_.data(), 0}, inner_.data(), factor_, inner_factor_);
        }
    }

    // Attention of rows first ... end - 1, which share a prompt: all of them at once over it, and each over its own.
    void attend(Index layer, Index first, Index end) {
        const Prompt* prompt = row_[first].prompt;
        const Index rows = end - first, shared = row_[first].shared(), own_from = padded(shared);
        Index longest = 0;
        for (Index r = first; r < end; r++) longest = std::max(longest, row_[r].place + 1);
        const Index step = row_step(own_from + longest);
        scores_.resize(rows * step);
        for (Index h = 0; h < m_.heads; h++) {
            const Index kv = h / (m_.heads / m_.kv_heads), offset = h * m_.depth;
            const float* q = qkv_.data() + first * m_.qkv_step() + offset;
            float* out = attention_.data() + first * m_.width_step() + offset;
            if (prompt)
                product(rows, shared, m_.depth, factor_.take(q, m_.qkv_step(), rows, m_.depth),
                        prompt->keys[layer * m_.kv_heads + kv].right(), scores_.data(), step, false);
            for (Index r = 0; r < rows; r++) {
                const Row& row = row_[first + r];
                const Index own = row.place + 1, all = own_from + own;
                float *scores = scores_.data() + r * step, *own_scores = scores + own_from;
                row.own->scores(layer, kv, q + r * m_.qkv_step(), own, own_scores);
                // Between prompt and own tokens there may be some that nobody sees.
                std::fill(scores + shared, own_scores, -std::numeric_limits<float>::infinity());
                const float share = 1.0f / exponentials(scores, all, largest(scores, all));
                scale(scores, all, share);
                row.own->mix(layer, kv, own_scores, own, mixed_.data());
                std::copy_n(mixed_.data(), m_.depth, out + r * m_.width_step());
            }
            if (prompt)
                product(rows, m_.depth, shared, factor_.take(scores_.data(), step, rows, shared),
                        prompt->values[layer * m_.kv_heads + kv], out, m_.width_step(), true);
        }
    }

    // Logits of rows `first` ... of x, to rows 0 ... of logits_.
    void write_logits(Index first, Index rows) {
        for (Index r = 0; r < rows; r++)
            norm(x_.data() + (first + r) * m_.width_step(), m_.norm, m_.width, m_.norm_eps,
                 normed_.data() + r * m_.width_step());
        product(rows, m_.vocabulary, Precision::sharp_depth(m_.width),
                sharp_factor_.take(normed_.data(), m_.width_step(), rows, m_.width), packed_.head.right(), logits_.data(),
                padded(m_.vocabulary), false);
    }

    // Draw and record the slot's next token from logits, which are overwritten; false where it was the last one.
    bool draw(Slot& slot, float* logits) {
        const Index n = m_.vocabulary, place = slot.row * request_.max_new_tokens + slot.length;
        float own_logp = 0;
        if (request_.model_logp) probabilities_.assign(logits, logits + padded(n));
        Index token = 0;
        if (request_.temperature == 0) {
            token = std::max_element(logits, logits + n) - logits;
            // 0, or NaN as at any other temperature where a logit is no number.
            const float sum = std::accumulate(logits, logits + n, 0.0f);
            own_logp = sum - sum;
        } else {
            scale(logits, n, 1.0f / request_.temperature);
            const float top = largest(logits, n);
            const float sum = exponentials(logits, n, top);
            token = inverse(logits, n, uniform(request_.keys[slot.row], slot.length));
            own_logp = logarithm(logits[token] / sum);
        }
        request_.tokens[place] = static_cast<std::int32_t>(token);
        request_.logp[place] = own_logp;
        if (request_.model_logp) {
            const float at = probabilities_[token], top = largest(probabilities_.data(), n);
            request_.model_logp[place] = at - top - logarithm(exponentials(probabilities_.data(), n, top));
        }
        slot.token = static_cast<std::int32_t>(token);
        slot.length++;
        return token != request_.eos_id && slot.length < slot.limit;
    }

    // The first token at which the running sum exceeds u times the whole; sums are in double precision.
    static Index inverse(const float* p, Index n, double u) {
        const auto of_vector = [&](Index i) {
            double sum = 0;
            for (Index j = i; j < std::min<Index>(i + kLanes, n); j++) sum += p[j];
            return sum;
        };
        // Sums of a few do not wait for each other, as one running sum does for itself.
        double whole = 0, reached = 0;
        for (Index i = 0; i < n; i += kLanes) whole += of_vector(i);
        const double target = u * whole;
        for (Index i = 0; i < n; i += kLanes) {
            const double sum = of_vector(i);
            if (reached + sum <= target) {
                reached += sum;
                continue;
            }
            for (Index j = i; j < std::min<Index>(i + kLanes, n); j++) {
                reached += p[j];
                if (reached > target) return j;
            }
        }
        return n - 1;
    }

    const Model& m_;
    const Packed<Precision>& packed_;
    const SamplingRequest& request_;
    Index rows_;
    Floats x_, normed_, attention_, qkv_, halves_, inner_, logits_, scores_, mixed_, probabilities_, room_;
    typename Precision::Rows factor_, inner_factor_;
    typename Precision::SharpRows sharp_factor_;
    std::vector<std::int32_t> positions_;
    std::vector<Row> row_;
    std::vector<Slot> slots_;
    std::vector<Cache> spare_;
};

template <class Precision>
inline void sample(const Model& m, const SamplingRequest& request) {
    const Packed<Precision> packed(m);
    // Small enough that the last units do not leave a thread alone for long, large enough to share a prompt.
    const Index all = request.problems * request.samples;
    const Index unit = std::clamp<Index>(all / (4 * request.threads), 1, std::min<Index>(request.samples, 32));
    // No thread starts with more than its share.
    const Index slots = std::min<Index>(request.slots, (all + request.threads - 1) / request.threads);
    std::atomic<Index> next{0};
    std::atomic<bool> failed{false};
    const auto work = [&] {
        try {
            const typename Precision::Thread set;
            Worker<Precision>(m, packed, request).work(next, unit, slots);
        } catch (const std::bad_alloc&) {
            failed = true;
        }
    };
    std::vector<std::thread> others;
    others.reserve(request.threads);
    try {
        for (Index t = 1; t < request.threads; t++) others.emplace_back(work);
    } catch (const std::system_error&) {
        // The machine gives no more threads; those that there are do all of the work.
    }
    work();
    for (std::thread& thread : others) thread.join();
    if (failed) throw std::bad_alloc();
}

}  // namespace edgewise
