// Any operator of libtorch by name, through its dispatcher, with boxed arguments.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/core/dispatch/Dispatcher.h>

#include <vector>

#include "Boxing.h"

using namespace ctorch;

namespace {

c10::IValue unboxed_default(const c10::Argument &argument) {
    TORCH_CHECK(argument.default_value().has_value(), "argument ", argument.name(), " has no default");
    return *argument.default_value();
}

}  // namespace

c10::IValue ctorch::box(const ct_value &value, const ct_elements &elements) {
    auto first = static_cast<size_t>(value.integer), count = static_cast<size_t>(value.count);
    switch (value.kind) {
        case CT_TENSOR:
            return borrow(static_cast<ct_tensor>(const_cast<void *>(value.pointer)));
        case CT_INTEGER:
            return value.integer;
        case CT_REAL:
            return value.real;
        case CT_BOOLEAN:
            return value.integer != 0;
        case CT_INTEGERS:
            return c10::IValue(at::IntArrayRef(elements.integers + first, count));
        case CT_REALS:
            return c10::IValue(std::vector<double>(elements.reals + first, elements.reals + first + count));
        case CT_BOOLEANS: {
            c10::List<bool> list;
            for (size_t k = 0; k < count; ++k) list.push_back(elements.integers[first + k] != 0);
            return list;
        }
        case CT_TENSORS: {
            c10::List<at::Tensor> list;
            list.reserve(count);
            for (size_t k = 0; k < count; ++k) list.push_back(borrow(elements.tensors[first + k]));
            return list;
        }
        case CT_GENERATOR:
            return generator(static_cast<ct_generator>(const_cast<void *>(value.pointer)));
        case CT_DEVICE:
            return c10::Device(
                static_cast<c10::DeviceType>(value.integer), static_cast<c10::DeviceIndex>(value.count));
        case CT_STRING:
            return std::string(elements.text + first, count);
        case CT_DEFAULT:
        case CT_NONE:
            break;
    }
    return c10::IValue();
}

ct_operator ct_operator_find(const char *name, const char *overload) {
    return guarded<ct_operator>(nullptr, [&] {
        auto found = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
        return reinterpret_cast<ct_operator>(new c10::OperatorHandle(found));
    });
}

ct_status ct_call(
    ct_operator op, const ct_value *arguments, int64_t argument_count, const ct_elements *elements,
    ct_tensor *results, int64_t *result_count) {
    return guarded([&] {
        const auto &expected = handle(op).schema().arguments();
        torch::jit::Stack stack;
        stack.reserve(expected.size());
        for (size_t k = 0; k < expected.size(); ++k) {
            bool given = static_cast<int64_t>(k) < argument_count && arguments[k].kind != CT_DEFAULT;
            stack.push_back(given ? box(arguments[k], *elements) : unboxed_default(expected[k]));
        }
        handle(op).callBoxed(stack);

        std::vector<at::Tensor> produced;
        for (auto &value : stack) {
            if (value.isTensor()) {
                produced.push_back(std::move(value).toTensor());
            } else if (value.isTensorList()) {
                for (auto &tensor : value.toTensorVector()) produced.push_back(std::move(tensor));
            }
        }
        TORCH_CHECK(
            static_cast<int64_t>(produced.size()) <= *result_count, "no room for ", produced.size(), " results");
        for (size_t k = 0; k < produced.size(); ++k) results[k] = give(std::move(produced[k]));
        *result_count = static_cast<int64_t>(produced.size());
    });
}

#endif
