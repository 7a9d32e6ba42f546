// Gradients of outputs with respect to any list of tensors.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

using namespace ctorch;

bool ct_gradients_enabled(void) { return c10::GradMode::is_enabled(); }
void ct_set_gradients_enabled(bool enabled) { c10::GradMode::set_enabled(enabled); }

bool ct_tensor_requires_gradient(ct_tensor tensor) { return peek(tensor).requires_grad(); }

ct_status ct_tensor_set_requires_gradient(ct_tensor tensor, bool required) {
    return guarded([&] { borrow(tensor).requires_grad_(required); });
}

ct_status ct_gradients(
    const ct_tensor *outputs, const ct_tensor *seeds, int64_t output_count, const ct_tensor *inputs,
    int64_t input_count, bool keep_graph, bool create_graph, ct_tensor *gradients) {
    return guarded([&] {
        torch::autograd::variable_list results, with_respect_to, weights;
        for (int64_t k = 0; k < output_count; ++k) {
            results.push_back(borrow(outputs[k]));
            weights.push_back(borrow(seeds[k]));
        }
        for (int64_t k = 0; k < input_count; ++k) with_respect_to.push_back(borrow(inputs[k]));
        auto found = torch::autograd::grad(
            results, with_respect_to, weights, keep_graph, create_graph, /*allow_unused=*/true);
        for (int64_t k = 0; k < input_count; ++k) gradients[k] = give(std::move(found[static_cast<size_t>(k)]));
    });
}

#endif
