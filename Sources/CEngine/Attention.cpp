// Attention by loops of our own, where they serve: float32 without dropout or mask, all queries, keys and values of one width.
//
// libtorch's calls its library of matrix products for every block, which costs more than a small head's products.
#include "Replacement.h"

#ifdef CTORCH_ENGINE

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward_cpu_dispatch.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_cpu_dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <optional>
#include <tuple>

#include "InstructionSet.h"

using namespace ctorch;

namespace {

const ck_attention_table &loops() {
    static const ck_attention_table *table = ck_attention_for(instruction_set());
    return *table;
}

/// The numbers of a head's keys from which on the loops are faster: they pad both to whole vectors.
constexpr int64_t worthwhile = 1 << 10;

/// The multiplications that a thread takes at least.
constexpr int64_t grain = 1 << 18;

bool serves(const at::Tensor &tensor) {
    return tensor.dim() == 4 && tensor.scalar_type() == at::kFloat && tensor.layout() == at::kStrided
        && tensor.device().is_cpu() && tensor.numel() > 0;
}

bool serves(
    const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, double dropout,
    const std::optional<at::Tensor> &mask) {
    return dropout == 0 && !(mask && mask->defined()) && serves(query) && serves(key) && serves(value)
        && key.sizes() == value.sizes() && query.size(0) == key.size(0) && query.size(1) == key.size(1)
        && query.size(3) == key.size(3) && key.size(2) * key.size(3) >= worthwhile;
}

/// A matrix for each sequence and head [batch, heads, positions, width], whose rows are numbers one after another.
struct Heads {
    explicit Heads(const at::Tensor &from) : tensor(from.stride(3) == 1 ? from : from.contiguous()) {}

    int64_t row() const { return tensor.stride(2); }
    const float *at(int64_t batch, int64_t head) const {
        return tensor.const_data_ptr<float>() + batch * tensor.stride(0) + head * tensor.stride(1);
    }
    float *mutable_at(int64_t batch, int64_t head) { return const_cast<float *>(at(batch, head)); }

    at::Tensor tensor;
};

/// Room for results whose heads lie next to each other at each position, so that they can be joined in place.
Heads heads_like(const at::Tensor &tensor) {
    auto sizes = tensor.sizes();
    return Heads(at::empty({sizes[0], sizes[2], sizes[1], sizes[3]}, tensor.options()).transpose(1, 2));
}

struct Pass {
    Heads query, key, value;
    at::Tensor logarithms;
    bool causal;
    float scale;

    Pass(
        const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, at::Tensor logarithms, bool causal,
        std::optional<double> scale)
        : query(query),
          key(key),
          value(value),
          logarithms(std::move(logarithms)),
          causal(causal),
          scale(static_cast<float>(scale.value_or(1 / std::sqrt(static_cast<double>(query.size(3)))))) {}

    ck_attention job(int64_t batch, int64_t head) const {
        return {
            query.at(batch, head), key.at(batch, head),  value.at(batch, head), query.row(),
            key.row(),             value.row(),          query.tensor.size(2),  key.tensor.size(2),
            query.tensor.size(3),  scale,                causal};
    }

    float *logarithms_at(int64_t batch, int64_t head) const {
        return static_cast<float *>(logarithms.data_ptr()) + batch * logarithms.stride(0)
            + head * logarithms.stride(1);
    }

    /// Calls `body(job, batch, head, scratch)` for every head, several at a time.
    template <typename Body>
    void for_each_head(const Body &body) const {
        struct Context {
            const Pass &pass;
            const Body &body;
            int64_t room;
            float *scratch;
        };
        auto some = job(0, 0);
        auto room = (ck_attention_scratch(&some) + 15) / 16 * 16;
        auto scratch = at::empty({at::get_num_threads() * room}, at::kFloat);
        Context context{*this, body, room, scratch.mutable_data_ptr<float>()};
        ct_parallel_for(
            query.tensor.size(0) * query.tensor.size(1),
            std::max<int64_t>(1, grain / (some.queries * some.keys * some.width)),
            [](void *pointer, int64_t begin, int64_t end, int32_t piece) {
                auto &[pass, body, room, scratch] = *static_cast<Context *>(pointer);
                auto heads = pass.query.tensor.size(1);
                for (int64_t index = begin; index < end; ++index) {
                    auto batch = index / heads, head = index % heads;
                    body(pass.job(batch, head), batch, head, scratch + piece * room);
                }
            },
            &context);
    }
};

std::tuple<at::Tensor, at::Tensor> attend(
    const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, double dropout, bool causal,
    const std::optional<at::Tensor> &mask, std::optional<double> scale) {
    if (!serves(query, key, value, dropout, mask)) {
        return at::cpu::_scaled_dot_product_flash_attention_for_cpu(
            query, key, value, dropout, causal, mask, scale);
    }
    auto output = heads_like(query);
    auto logarithms = at::empty({query.size(0), query.size(2), query.size(1)}, query.options()).transpose(1, 2);
    Pass pass(query, key, value, logarithms, causal, scale);
    pass.for_each_head([&](const ck_attention &job, int64_t batch, int64_t head, float *scratch) {
        loops().attend(
            &job, output.mutable_at(batch, head), output.row(), pass.logarithms_at(batch, head),
            logarithms.stride(2), scratch);
    });
    return {output.tensor, logarithms};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> attend_backward(
    const at::Tensor &slope, const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
    const at::Tensor &output, const at::Tensor &logarithms, double dropout, bool causal,
    const std::optional<at::Tensor> &mask, std::optional<double> scale) {
    if (!serves(query, key, value, dropout, mask) || !serves(slope)) {
        return at::cpu::_scaled_dot_product_flash_attention_for_cpu_backward(
            slope, query, key, value, output, logarithms, dropout, causal, mask, scale);
    }
    Heads slopes(slope);
    auto in_query = heads_like(query), in_key = heads_like(key), in_value = heads_like(value);
    Pass pass(query, key, value, logarithms, causal, scale);
    pass.for_each_head([&](const ck_attention &job, int64_t batch, int64_t head, float *scratch) {
        ck_attention_slopes places = {
            slopes.at(batch, head),      in_query.mutable_at(batch, head), in_key.mutable_at(batch, head),
            in_value.mutable_at(batch, head), slopes.row(),                in_query.row(),
            in_key.row(),                in_value.row()};
        loops().slopes(&job, &places, pass.logarithms_at(batch, head), logarithms.stride(2), scratch);
    });
    return {in_query.tensor, in_key.tensor, in_value.tensor};
}

[[maybe_unused]] const bool replaced = replacing_kernels(__FILE__, __LINE__, [](torch::Library &library) {
    library.impl("_scaled_dot_product_flash_attention_for_cpu", TORCH_FN(attend));
    library.impl("_scaled_dot_product_flash_attention_for_cpu_backward", TORCH_FN(attend_backward));
});

}  // namespace

#endif
