// Sampling: every thread keeps a few slots busy, from the prompt to the last token, without asking anybody.
//
// Work is handed out in units: some samples of one prompt. A thread reads the unit's prompt once, and all
// of the unit's samples attend to the same keys and values. A slot whose sample ends takes the next one at
// once, so that the long tail of lengths does not idle the batch.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <new>
#include <numeric>
#include <system_error>
#include <thread>

#include "decoder.hpp"

namespace edgewise {

struct Request {
    std::int64_t problems, samples, max_new;
    const std::int32_t* prompts;       // all prompts, one after the other
    const std::int64_t* prompt_start;  // [problems + 1]
    const std::int32_t* limit;         // [problems] most tokens of a completion
    const std::int64_t* keys;          // [problems, samples]
    float temperature;                 // 0: the likeliest token
    std::int32_t end;
    std::int64_t threads, slots;
    std::int32_t* tokens;  // [problems, samples, max_new], -1 where nothing is written
    float* logp;           // the same shape: under the law that is drawn from
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

// Keys and values of one sequence. Keys stand in blocks of kLanes tokens, feature after feature, so that
// scores of kLanes tokens are one vector; values stand token after token.
class Cache {
  public:
    Cache(const Model& m, Index tokens) : depth_(m.depth), value_step_((m.depth + kLanes - 1) / kLanes * kLanes), heads_(m.kv_heads) {
        keys_ = (tokens + kLanes - 1) / kLanes * kLanes * depth_;
        each_ = keys_ + tokens * value_step_;
        data_.assign(static_cast<std::size_t>(m.layers * heads_ * each_), 0.0f);
    }
    void write(Index layer, Index token, const float* k, const float* v) {
        for (Index h = 0; h < heads_; h++, k += depth_, v += depth_) {
            float* place = at(layer, h);
            float* lane = place + token / kLanes * kLanes * depth_ + token % kLanes;
            for (Index d = 0; d < depth_; d++) lane[d * kLanes] = k[d];
            std::copy_n(v, depth_, place + keys_ + token * value_step_);
        }
    }
    // q k for the first `tokens` tokens; `out` has room for whole blocks.
    void scores(Index layer, Index head, const float* q, Index tokens, float* out) const {
        const float* keys = const_cast<Cache*>(this)->at(layer, head);
        const Index blocks = (tokens + kLanes - 1) / kLanes, step = depth_ * kLanes;
        Index b = 0;
        for (; b + 4 <= blocks; b += 4) some_scores<4>(keys + b * step, step, q, out + b * kLanes);
        // What is left goes together: a sum alone waits for itself.
        const float* rest = keys + b * step;
        if (blocks - b == 3) some_scores<3>(rest, step, q, out + b * kLanes);
        if (blocks - b == 2) some_scores<2>(rest, step, q, out + b * kLanes);
        if (blocks - b == 1) some_scores<1>(rest, step, q, out + b * kLanes);
    }
    // out [padded(depth)] += sum of weight x value over the first `tokens` tokens.
    void mix(Index layer, Index head, const float* weights, Index tokens, float* out) const {
        const float* values = const_cast<Cache*>(this)->at(layer, head) + keys_;
        Index d = 0;
        for (; d + 2 * kLanes <= value_step_; d += 2 * kLanes) some_mix<2>(values + d, weights, tokens, out + d);
        for (; d < value_step_; d += kLanes) some_mix<1>(values + d, weights, tokens, out + d);
    }

  private:
    template <int B>
    void some_scores(const float* keys, Index step, const float* q, float* out) const {
        Vector sum[B];
        UNROLLED for (int b = 0; b < B; b++) sum[b] = Vector{};
        for (Index d = 0; d < depth_; d++) {
            const Vector x = splat(q[d]);
            UNROLLED for (int b = 0; b < B; b++) sum[b] += x * load(keys + b * step + d * kLanes);
        }
        UNROLLED for (int b = 0; b < B; b++) store(out + b * kLanes, sum[b]);
    }
    template <int V>
    void some_mix(const float* values, const float* weights, Index tokens, float* out) const {
        Vector sum[4][V];
        UNROLLED for (int i = 0; i < 4; i++)
            UNROLLED for (int v = 0; v < V; v++) sum[i][v] = i ? Vector{} : load(out + v * kLanes);
        Index t = 0;
        for (; t + 4 <= tokens; t += 4)
            UNROLLED for (int i = 0; i < 4; i++) {
                const Vector weight = splat(weights[t + i]);
                UNROLLED for (int v = 0; v < V; v++)
                    sum[i][v] += weight * load(values + (t + i) * value_step_ + v * kLanes);
            }
        for (; t < tokens; t++)
            UNROLLED for (int v = 0; v < V; v++) sum[0][v] += splat(weights[t]) * load(values + t * value_step_ + v * kLanes);
        UNROLLED for (int v = 0; v < V; v++) store(out + v * kLanes, (sum[0][v] + sum[1][v]) + (sum[2][v] + sum[3][v]));
    }
    float* at(Index layer, Index head) { return data_.data() + (layer * heads_ + head) * each_; }

    Index depth_, value_step_, heads_, keys_, each_;
    std::vector<float> data_;
};

// A prompt that was read: its cache, and the logits of what comes first.
struct Prompt {
    Cache cache;
    Index length;
    std::vector<float> logits;
};

struct Slot {
    std::shared_ptr<const Prompt> prompt;
    Cache cache;
    Index row, length, limit;  // row: problem x samples + sample
    std::int32_t token;
};

class Packed {
  public:
    explicit Packed(const Model& m) : layers(m.layers) {
        for (Index l = 0; l < m.layers; l++) layers[l].pack(m, m.layer[l]);
        head.pack_weight(m.head, m.vocabulary, m.width);
    }
    std::vector<PackedLayer> layers;
    Panels head;
};

class Worker {
  public:
    Worker(const Model& m, const Packed& packed, const Request& request)
        : m_(m), packed_(packed), request_(request), rows_(std::max<Index>(request.slots, kPromptRows)),
          x_(rows_ * m.width_step()), normed_(x_.size()), attention_(x_.size()), qkv_(rows_ * m.qkv_step()),
          halves_(rows_ * 2 * kChunkStep), inner_(rows_ * kChunkStep), logits_(rows_ * padded(m.vocabulary)),
          positions_(rows_) {}

    // Units until there are none left; `next` is shared by the threads.
    void work(std::atomic<Index>& next, Index unit) {
        const Index units_each = (request_.samples + unit - 1) / unit, units = request_.problems * units_each;
        std::shared_ptr<const Prompt> prompt;
        Index problem = 0, sample = 0, last = 0;
        for (;;) {
            while (static_cast<Index>(slots_.size()) < request_.slots) {
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

    std::shared_ptr<const Prompt> read(Index problem) {
        const Index from = request_.prompt_start[problem], length = request_.prompt_start[problem + 1] - from;
        auto prompt = std::make_shared<Prompt>(Prompt{Cache(m_, length), length, {}});
        Index rows = 0;
        for (Index t = 0; t < length; t += rows) {
            rows = std::min(kPromptRows, length - t);
            for (Index r = 0; r < rows; r++) enter(r, request_.prompts[from + t + r], t + r);
            run(rows, [&](Index layer, Index r, const float* q, const float* k, const float* v, float* out) {
                // The later tokens of these rows are not attended to yet, so each is written when it is met.
                prompt->cache.write(layer, t + r, k, v);
                attend(layer, q, prompt->cache, t + r + 1, nullptr, 0, out);
            });
        }
        write_logits(rows - 1, 1);
        prompt->logits.assign(logits_.begin(), logits_.begin() + m_.vocabulary);
        return prompt;
    }

    void start(const std::shared_ptr<const Prompt>& prompt, Index problem, Index sample) {
        const Index limit = request_.limit[problem];
        if (spare_.empty()) spare_.emplace_back(m_, request_.max_new);
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
        for (Index r = 0; r < rows; r++) enter(r, slots_[r].token, slots_[r].prompt->length + slots_[r].length - 1);
        run(rows, [&](Index layer, Index r, const float* q, const float* k, const float* v, float* out) {
            Slot& slot = slots_[r];
            slot.cache.write(layer, slot.length - 1, k, v);
            attend(layer, q, slot.prompt->cache, slot.prompt->length, &slot.cache, slot.length, out);
        });
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

    void enter(Index r, std::int32_t token, Index position) {
        std::copy_n(m_.embedding + token * m_.width, m_.width, x_.data() + r * m_.width_step());
        positions_[r] = static_cast<std::int32_t>(position);
    }

    // All layers over the rows that were entered; `meet` writes keys and values and attends.
    template <class Meet>
    void run(Index rows, Meet meet) {
        for (Index l = 0; l < m_.layers; l++) {
            const PackedLayer& packed = packed_.layers[l];
            project(m_, m_.layer[l], packed, rows, x_.data(), positions_.data(), normed_.data(), qkv_.data());
            for (Index r = 0; r < rows; r++) {
                float* q = qkv_.data() + r * m_.qkv_step();
                scale(q, m_.width, 1.0f / std::sqrt(static_cast<float>(m_.depth)));
                meet(l, r, q, q + m_.width, q + m_.width + m_.kv_width(), attention_.data() + r * m_.width_step());
            }
            add_attention(m_, packed, rows, attention_.data(), x_.data());
            add_feed_forward(m_, m_.layer[l], packed, rows, x_.data(), normed_.data(),
                             {halves_.data(), 2 * kChunkStep, kChunkStep, false}, inner_.data());
        }
    }

    // One query over `shared` tokens of one cache and `own` of another (which may be absent).
    void attend(Index layer, const float* q, const Cache& prompt, Index shared, const Cache* cache, Index own,
                float* out) {
        const Index own_from = (shared + kLanes - 1) / kLanes * kLanes;
        scores_.resize(own_from + own + kLanes);
        mixed_.resize(padded(m_.depth));
        float* on_prompt = scores_.data();
        float* on_own = on_prompt + own_from;
        for (Index h = 0; h < m_.heads; h++, q += m_.depth, out += m_.depth) {
            const Index kv = h / (m_.heads / m_.kv_heads);
            prompt.scores(layer, kv, q, shared, on_prompt);
            float top = largest(on_prompt, shared);
            if (cache) {
                cache->scores(layer, kv, q, own, on_own);
                top = std::max(top, largest(on_own, own));
            }
            float sum = exponentials(on_prompt, shared, top);
            if (cache) sum += exponentials(on_own, own, top);
            std::fill(mixed_.begin(), mixed_.end(), 0.0f);
            prompt.mix(layer, kv, on_prompt, shared, mixed_.data());
            if (cache) cache->mix(layer, kv, on_own, own, mixed_.data());
            const float share = 1.0f / sum;
            for (Index d = 0; d < m_.depth; d++) out[d] = mixed_[d] * share;
        }
    }

    // Logits of rows `first` ... of x, to rows 0 ... of logits_.
    void write_logits(Index first, Index rows) {
        for (Index r = 0; r < rows; r++)
            norm(x_.data() + (first + r) * m_.width_step(), m_.norm, m_.width, m_.norm_eps,
                 normed_.data() + r * m_.width_step());
        product(rows, m_.vocabulary, m_.width, rows_of(normed_.data(), m_.width_step()), packed_.head.right(),
                logits_.data(), padded(m_.vocabulary), false);
    }

    // Draw and record the slot's next token from logits, which are overwritten; false where it was the last one.
    bool draw(Slot& slot, float* logits) {
        const Index n = m_.vocabulary, place = slot.row * request_.max_new + slot.length;
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
            own_logp = std::log(logits[token] / sum);
        }
        request_.tokens[place] = static_cast<std::int32_t>(token);
        request_.logp[place] = own_logp;
        if (request_.model_logp) {
            const float at = probabilities_[token], top = largest(probabilities_.data(), n);
            request_.model_logp[place] = at - top - std::log(exponentials(probabilities_.data(), n, top));
        }
        slot.token = static_cast<std::int32_t>(token);
        slot.length++;
        return token != request_.end && slot.length < slot.limit;
    }

    // The first token at which the running sum exceeds u times the whole; sums are in double precision.
    static Index inverse(const float* p, Index n, double u) {
        double sum = 0;
        for (Index i = 0; i < n; i++) sum += p[i];
        const double target = u * sum;
        double reached = 0;
        for (Index i = 0; i < n; i++) {
            reached += p[i];
            if (reached > target) return i;
        }
        return n - 1;
    }

    const Model& m_;
    const Packed& packed_;
    const Request& request_;
    Index rows_;
    std::vector<float> x_, normed_, attention_, qkv_, halves_, inner_, logits_, scores_, mixed_, probabilities_;
    std::vector<std::int32_t> positions_;
    std::vector<Slot> slots_;
    std::vector<Cache> spare_;
};

inline void sample(const Model& m, const Request& request) {
    const Packed packed(m);
    // Small enough that the last units do not leave a thread alone for long, large enough to share a prompt.
    const Index all = request.problems * request.samples;
    const Index unit = std::clamp<Index>(all / (4 * request.threads), 1, std::min<Index>(request.samples, 32));
    std::atomic<Index> next{0};
    std::atomic<bool> failed{false};
    const auto work = [&] {
        try {
            Worker(m, packed, request).work(next, unit);
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
