// Prints a digest of what each kernel computes from numbers that are made here: the same on every processor.
#include <array>
#include <cinttypes>
#include <cstdio>

#include "rows.hpp"
#include "sampling.hpp"
#include "training.hpp"

using namespace edgewise;

namespace {
std::uint64_t digest(const void* data, std::size_t bytes) {
    std::uint64_t hash = 1469598103934665603ull;  // FNV-1a
    for (std::size_t i = 0; i < bytes; i++) hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 1099511628211ull;
    return hash;
}
template <class Numbers>
void say(const char* name, const Numbers& x) {
    std::printf("%s %016" PRIx64 "\n", name, digest(x.data(), x.size() * sizeof x[0]));
}

Floats numbers(Index count, float size) {
    static Index next = 0;
    Floats x(count);
    for (float& number : x) number = static_cast<float>(size * (2 * uniform(7, next++) - 1));
    return x;
}

// The weights of a layer, or room for their derivatives.
struct Tensors {
    Floats attention_norm, qkv, qkv_bias, attention_out, feed_forward_norm, gate_up, down;

    Tensors(const Model& m, bool random)
        : attention_norm(some(m.width, random)), qkv(some(m.qkv_width() * m.width, random)),
          qkv_bias(some(m.qkv_width(), random)), attention_out(some(m.width * m.width, random)),
          feed_forward_norm(some(m.width, random)), gate_up(some(2 * m.feed_forward * m.width, random)),
          down(some(m.feed_forward * m.width, random)) {}
    static Floats some(Index count, bool random) { return random ? numbers(count, 0.3f) : Floats(count, 0.0f); }
};

// A decoder of these sizes reads a text with a shared prompt, learns from it, and samples.
void of_decoder(Model m) {
    const Floats embedding = numbers(m.vocabulary * m.width, 0.5f), norm = numbers(m.width, 1.0f);
    const Floats rotations = numbers(128 * m.depth, 0.7f);
    m.embedding = m.head = embedding.data();
    m.norm = norm.data();
    m.rotations = rotations.data();
    std::vector<Tensors> weights, derivatives;
    std::vector<Layer> layers;
    std::vector<LayerGradients> of_layers;
    for (Index l = 0; l < m.layers; l++) {
        weights.emplace_back(m, true);
        derivatives.emplace_back(m, false);
    }
    for (Index l = 0; l < m.layers; l++) {
        Tensors &w = weights[l], &d = derivatives[l];
        layers.push_back({w.attention_norm.data(), w.qkv.data(), w.qkv_bias.data(), w.attention_out.data(),
                          w.feed_forward_norm.data(), w.gate_up.data(), w.down.data()});
        of_layers.push_back({d.attention_norm.data(), d.qkv.data(), d.qkv_bias.data(), d.attention_out.data(),
                             d.feed_forward_norm.data(), d.gate_up.data(), d.down.data()});
    }
    m.layer = layers.data();

    const std::vector<Segment> segments{{0, 50, 0, 0}, {50, 40, 0, 50}, {90, 90, 0, 0}};
    std::vector<std::int32_t> tokens, positions;
    for (int i = 0; i < 180; i++) {
        tokens.push_back(static_cast<std::int32_t>(uniform(3, i) * static_cast<double>(m.vocabulary)));
        positions.push_back(i < 90 ? i : i - 90);
    }
    const PackedTokens text{180, 3, tokens.data(), positions.data(), segments.data()};
    Floats hidden(180 * m.width), kept(Kept::size(m, 180));
    forward<Fp32>(m, text, hidden.data(), kept.data());
    say("hidden", hidden);
    const Floats d_hidden = numbers(180 * m.width, 1.0f);
    Floats d_embedding(embedding.size(), 0.0f), d_norm(m.width, 0.0f);
    backward<Fp32>(m, text, kept.data(), d_hidden.data(), {d_embedding.data(), d_norm.data(), of_layers.data()});
    say("d_embedding", d_embedding);
    say("d_norm", d_norm);
    for (const Tensors& d : derivatives) {
        say("d_qkv", d.qkv);
        say("d_qkv_bias", d.qkv_bias);
        say("d_attention_out", d.attention_out);
        say("d_gate_up", d.gate_up);
        say("d_down", d.down);
        say("d_attention_norm", d.attention_norm);
        say("d_feed_forward_norm", d.feed_forward_norm);
    }

    const std::vector<std::int64_t> start{0, 7, 27}, keys{11, 12, 13, 14, 15, 16};
    const std::vector<std::int32_t> limit{20, 20};
    std::vector<std::int32_t> drawn(120, -1);
    Floats logp(120, 0.0f), model_logp(120, 0.0f);
    SamplingRequest request{};
    request.problems = 2;
    request.samples = 3;
    request.max_new_tokens = 20;
    request.prompts = tokens.data();
    request.prompt_start = start.data();
    request.limit = limit.data();
    request.keys = keys.data();
    request.temperature = 0.9f;
    request.eos_id = 3;
    request.threads = 1;
    request.slots = 4;
    request.tokens = drawn.data();
    request.logp = logp.data();
    request.model_logp = model_logp.data();
    sample<Fp32>(m, request);
    say("tokens", drawn);
    say("logp", logp);
    say("model_logp", model_logp);
}

void of_rows(Index rows, Index columns) {
    const Index outputs = 45;
    const Floats x = numbers(rows * columns, 3.0f), weight = numbers(outputs * columns, 0.3f);
    const Floats d_y = numbers(rows * outputs, 1.0f);
    Floats y(rows * outputs), d_x(rows * columns), d_weight(outputs * columns), sums_of(rows), log(2 * rows);
    linear<Fp32>(rows, outputs, columns, x.data(), weight.data(), y.data());
    say("linear", y);
    linear_backward<Fp32>(rows, outputs, columns, x.data(), weight.data(), d_y.data(), d_x.data(), d_weight.data());
    say("linear d_x", d_x);
    say("linear d_weight", d_weight);
    sums(rows, columns, x.data(), sums_of.data());
    say("sums", sums_of);
    log_sums(rows, columns, x.data(), log.data());
    say("log_sums", log);
    log_sums_backward(rows, columns, x.data(), log.data(), sums_of.data(), d_x.data());
    say("log_sums d_x", d_x);
    log_softmax_backward(rows, columns, x.data(), d_x.data(), d_x.data());
    say("log_softmax d_x", d_x);
    for (const float size : {1.0f, 20.0f, 40.0f}) {
        Floats scaled(x), result(x);
        for (float& number : scaled) number *= size;
        of_each(rows * columns, scaled.data(), result.data(), any_exponential);
        say("exponential", result);
        of_each(rows * columns, scaled.data(), result.data(), any_exponential_minus_one);
        say("exponential_minus_one", result);
        for (float& number : scaled) number *= number * 1e-30f;
        of_each(rows * columns, scaled.data(), result.data(), [](Vector some) { return logarithm(some); });
        say("logarithm", result);
    }
    const double squares = sum_of_squares(x.data(), rows * columns);
    std::printf("squares %a\n", squares);
    Floats number = numbers(rows * columns, 1.0f), gradient = x, mean = numbers(rows * columns, 0.1f), square(x.size());
    for (std::size_t i = 0; i < square.size(); i++) square[i] = mean[i] * mean[i];
    const Weights w{number.data(), gradient.data(), mean.data(), square.data(), rows * columns, 0.999f, 0.01f, 0.3f};
    adamw(1, &w, 0.7f, 0.9, 0.98, 1e-8f);
    say("adamw", number);
    say("adamw mean", mean);
    say("adamw square", square);
}
}  // namespace

int main() {
    Model m{};
    m.norm_eps = 1e-6f;
    for (const auto& [width, heads, kv_heads, feed_forward, vocabulary] :
         {std::array<Index, 5>{40, 4, 2, 33, 77}, {32, 2, 1, 64, 40}, {96, 2, 2, 300, 50}}) {
        m.width = width;
        m.layers = 2;
        m.heads = heads;
        m.kv_heads = kv_heads;
        m.depth = width / heads;
        m.feed_forward = feed_forward;
        m.vocabulary = vocabulary;
        of_decoder(m);
    }
    of_rows(5, 17);
    of_rows(150, 64);
}
