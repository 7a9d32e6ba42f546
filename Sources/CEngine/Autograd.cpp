// Gradients of outputs with respect to any list of tensors.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/graph_task.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <new>
#include <stdexcept>

#include "Devices.h"

using namespace ctorch;

namespace {

/// The tensor of a reference that the caller has given; throws what it has failed with.
at::Tensor taken(ct_tensor given) {
    if (given == nullptr) {
        if (ct_error_status() == CT_OUT_OF_MEMORY) throw std::bad_alloc();
        throw std::runtime_error(ct_error_message());
    }
    at::Tensor tensor = borrow(given);
    ct_tensor_release(given);
    return tensor;
}

/// A function of one tensor whose gradient the caller computes.
struct Recorded final : torch::autograd::Node {
    ct_backward backward = nullptr;
    void (*release)(void *) = nullptr;
    void *context = nullptr;

    ~Recorded() override { drop(); }
    void release_variables() override { drop(); }

    torch::autograd::variable_list apply(torch::autograd::variable_list &&slopes) override {
        TORCH_CHECK(context != nullptr, "the graph has been released; keep it for a second backward pass");
        TORCH_CHECK(!c10::GradMode::is_enabled(), "this operation has no second derivatives");
        if (!slopes[0].defined()) return {at::Tensor()};
        bool keeps_graph = torch::autograd::get_current_graph_task_keep_graph();
        return {taken(backward(context, give(slopes[0]), keeps_graph))};
    }

   private:
    void drop() {
        if (context != nullptr) release(context);
        context = nullptr;
    }
};

/// A pass whose gradients the caller receives one by one. While it lasts, its leaves have hooks.
class Reception {
   public:
    Reception(torch::autograd::variable_list leaves, ct_receive receive, void *context)
        : leaves_(std::move(leaves)), outer_(current_) {
        current_ = this;
        for (size_t k = 0; k < leaves_.size(); ++k) {
            auto hook = std::make_unique<Hook>();
            hook->reception = this;
            hook->input = static_cast<int64_t>(k);
            hook->receive = receive;
            hook->context = context;
            torch::autograd::impl::add_hook(leaves_[k], std::move(hook));
        }
    }

    ~Reception() {
        // The only hooks that there are: no interface of this library makes others.
        for (const auto &leaf : leaves_) torch::autograd::impl::clear_hooks(leaf);
        current_ = outer_;
    }

    Reception(const Reception &) = delete;
    Reception &operator=(const Reception &) = delete;

   private:
    struct Hook final : torch::autograd::FunctionPreHook {
        Reception *reception = nullptr;
        int64_t input = 0;
        ct_receive receive = nullptr;
        void *context = nullptr;

        torch::autograd::variable_list operator()(const torch::autograd::variable_list &gradients) override {
            // A pass within this one, of a function that computes its own gradient, has gradients of its own.
            if (current_ != reception || !gradients[0].defined()) return gradients;
            return {taken(receive(context, input, give(gradients[0])))};
        }
    };

    static thread_local Reception *current_;
    torch::autograd::variable_list leaves_;
    Reception *outer_;
};

thread_local Reception *Reception::current_ = nullptr;

}  // namespace

ct_tensor ct_recorded(
    ct_tensor value, ct_tensor input, ct_backward backward, void (*release)(void *context), void *context) {
    if (!c10::GradMode::is_enabled() || !peek(input).requires_grad()) {
        release(context);
        return give(borrow(value));
    }
    auto node = c10::make_intrusive<Recorded>();
    node->backward = backward;
    node->release = release;
    node->context = context;
    return guarded<ct_tensor>(nullptr, [&] {
        node->set_next_edges(torch::autograd::collect_next_edges(borrow(input)));
        at::Tensor result = borrow(value).detach();
        torch::autograd::set_history(result, node);
        return give(std::move(result));
    });
}

bool ct_gradients_enabled(void) { return c10::GradMode::is_enabled(); }

void ct_set_gradients_enabled(bool enabled) {
    if (c10::GradMode::is_enabled() == enabled) return;
    c10::GradMode::set_enabled(enabled);
    // A weight that autocast has cast and kept in one mode is wrong in the other: unrecorded, it has no gradient.
    if (ct_autocast_type() >= 0) at::autocast::clear_cache();
}

bool ct_tensor_requires_gradient(ct_tensor tensor) { return peek(tensor).requires_grad(); }
bool ct_tensor_is_leaf(ct_tensor tensor) { return borrow(tensor).is_leaf(); }

ct_status ct_tensor_set_requires_gradient(ct_tensor tensor, bool required) {
    return guarded([&] { borrow(tensor).requires_grad_(required); });
}

ct_status ct_gradients(
    const ct_tensor *outputs, const ct_tensor *seeds, int64_t output_count, const ct_tensor *inputs,
    int64_t input_count, bool keep_graph, bool create_graph, int64_t receiving, ct_receive receive,
    void *context, ct_tensor *gradients) {
    return guarded([&] {
        load_accelerators();
        torch::autograd::variable_list results, with_respect_to, weights;
        for (int64_t k = 0; k < output_count; ++k) {
            results.push_back(borrow(outputs[k]));
            weights.push_back(borrow(seeds[k]));
        }
        for (int64_t k = 0; k < input_count; ++k) with_respect_to.push_back(borrow(inputs[k]));
        Reception reception({with_respect_to.begin(), with_respect_to.begin() + receiving}, receive, context);
        auto found = torch::autograd::grad(
            results, with_respect_to, weights, keep_graph, create_graph, /*allow_unused=*/true);
        for (int64_t k = 0; k < input_count; ++k) gradients[k] = give(std::move(found[static_cast<size_t>(k)]));
    });
}

#endif
