// Operators that a program names at run time: found by name, and called with arguments that are converted to the
// schema's types and checked, since kernels take the types of boxed arguments for granted.
#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Boxing.h"

using namespace ctorch;

namespace {

/// A result of a call in the C interface's terms.
struct Result {
    ct_kind kind = CT_NONE;
    std::vector<at::Tensor> tensors;
    std::vector<int64_t> integers;
    std::vector<double> reals;
    std::string text;
};

const char *words(ct_kind kind) {
    switch (kind) {
        case CT_TENSOR: return "a tensor";
        case CT_INTEGER: return "an integer";
        case CT_REAL: return "a number with a fraction";
        case CT_BOOLEAN: return "a boolean";
        case CT_STRING: return "a string";
        case CT_TENSORS: return "a list of tensors";
        case CT_INTEGERS: return "a list of integers";
        case CT_REALS: return "a list of numbers";
        case CT_BOOLEANS: return "a list of booleans";
        case CT_GENERATOR: return "a random generator";
        case CT_DEVICE: return "a device";
        case CT_DEFAULT:
        case CT_NONE: break;
    }
    return "nothing";
}

/// A list in the type that the schema wants; nullopt if the argument is no such list.
std::optional<c10::IValue> list(const ct_value &value, const ct_elements &elements, const c10::Argument &expected,
                                const c10::TypePtr &element) {
    auto first = static_cast<size_t>(value.integer), count = static_cast<size_t>(value.count);
    switch (element->kind()) {
        case c10::TypeKind::TensorType:
            if (value.kind != CT_TENSORS) return std::nullopt;
            for (size_t k = 0; k < count; ++k)
                TORCH_CHECK(elements.tensors[first + k] != nullptr, "the argument ", expected.name(), " has no tensor at position ", k);
            return box(value, elements);
        case c10::TypeKind::OptionalType: {
            if (value.kind != CT_TENSORS) return std::nullopt;
            c10::List<std::optional<at::Tensor>> list;
            for (size_t k = 0; k < count; ++k) {
                auto handle = elements.tensors[first + k];
                list.push_back(handle == nullptr ? std::nullopt : std::optional<at::Tensor>(borrow(handle)));
            }
            return list;
        }
        case c10::TypeKind::IntType:
            if (value.kind == CT_INTEGERS) return box(value, elements);
            // As in Python, one number stands for all of a list of known length.
            if (value.kind == CT_INTEGER)
                return c10::IValue(std::vector<int64_t>(static_cast<size_t>(expected.N().value_or(1)), value.integer));
            return std::nullopt;
        case c10::TypeKind::FloatType: {
            if (value.kind == CT_REALS) return box(value, elements);
            if (value.kind != CT_INTEGERS) return std::nullopt;
            std::vector<double> numbers(elements.integers + first, elements.integers + first + count);
            return c10::IValue(numbers);
        }
        case c10::TypeKind::BoolType:
            // An empty list literal is one of integers.
            if (value.kind == CT_INTEGERS && count == 0) return c10::IValue(c10::List<bool>());
            if (value.kind == CT_BOOLEANS) return box(value, elements);
            return std::nullopt;
        case c10::TypeKind::NumberType: {
            if (value.kind != CT_REALS && value.kind != CT_INTEGERS) return std::nullopt;
            c10::impl::GenericList list(c10::NumberType::get());
            for (size_t k = 0; k < count; ++k) {
                if (value.kind == CT_REALS) list.push_back(c10::IValue(elements.reals[first + k]));
                else list.push_back(c10::IValue(elements.integers[first + k]));
            }
            return c10::IValue(list);
        }
        default: return std::nullopt;
    }
}

/// An argument in the type that the schema wants; nullopt if it is of another one.
std::optional<c10::IValue> converted(
    const ct_value &value, const ct_elements &elements, const c10::Argument &expected, c10::TypePtr type) {
    if (auto optional = type->cast<c10::OptionalType>()) {
        if (value.kind == CT_NONE) return c10::IValue();
        type = optional->getElementType();
    }
    auto exactly = [&](ct_kind kind) {
        return value.kind == kind ? std::optional<c10::IValue>(box(value, elements)) : std::nullopt;
    };
    switch (type->kind()) {
        case c10::TypeKind::TensorType: return exactly(CT_TENSOR);
        case c10::TypeKind::IntType: return exactly(CT_INTEGER);
        case c10::TypeKind::BoolType: return exactly(CT_BOOLEAN);
        case c10::TypeKind::StringType: return exactly(CT_STRING);
        case c10::TypeKind::DeviceObjType: return exactly(CT_DEVICE);
        case c10::TypeKind::GeneratorType: return exactly(CT_GENERATOR);
        case c10::TypeKind::FloatType:
            if (value.kind == CT_INTEGER) return c10::IValue(static_cast<double>(value.integer));
            return exactly(CT_REAL);
        case c10::TypeKind::NumberType:
            if (value.kind == CT_INTEGER || value.kind == CT_BOOLEAN) return box(value, elements);
            return exactly(CT_REAL);
        case c10::TypeKind::ListType:
            return list(value, elements, expected, type->expectRef<c10::ListType>().getElementType());
        default: return std::nullopt;
    }
}

/// A tensor, if the Swift side can hold it.
at::Tensor held(at::Tensor tensor) {
    if (!tensor.defined()) return tensor;
    TORCH_CHECK(
        tensor.layout() == c10::kStrided, "a result has the layout ", tensor.layout(), ", and only strided ones are held");
    auto kind = tensor.device().type();
    TORCH_CHECK(
        kind == c10::DeviceType::CPU || kind == c10::DeviceType::CUDA || kind == c10::DeviceType::PrivateUse1,
        "a result lies on the device ", tensor.device(),
        ", which is none of this package");
    switch (tensor.scalar_type()) {
        case at::kByte: case at::kInt: case at::kLong: case at::kHalf: case at::kFloat: case at::kDouble:
        case at::kBool: case at::kBFloat16:
            return tensor;
        default:
            TORCH_CHECK(false, "a result has elements of type ", tensor.scalar_type(), ", which DType does not have");
    }
}

Result taken(const c10::IValue &value) {
    Result result;
    if (value.isTensor()) {
        result.kind = CT_TENSOR;
        result.tensors.push_back(held(value.toTensor()));
    } else if (value.isTensorList()) {
        result.kind = CT_TENSORS;
        for (auto &tensor : value.toTensorVector()) result.tensors.push_back(held(tensor));
    } else if (value.isInt()) {
        result.kind = CT_INTEGER;
        result.integers.push_back(value.toInt());
    } else if (value.isDouble()) {
        result.kind = CT_REAL;
        result.reals.push_back(value.toDouble());
    } else if (value.isBool()) {
        result.kind = CT_BOOLEAN;
        result.integers.push_back(value.toBool());
    } else if (value.isString()) {
        result.kind = CT_STRING;
        result.text = value.toStringRef();
    } else if (value.isIntList()) {
        result.kind = CT_INTEGERS;
        result.integers = value.toIntVector();
    } else if (value.isDoubleList()) {
        result.kind = CT_REALS;
        result.reals = value.toDoubleVector();
    } else if (value.isBoolList()) {
        result.kind = CT_BOOLEANS;
        for (bool flag : value.toBoolList()) result.integers.push_back(flag);
    } else {
        TORCH_CHECK(value.isNone(), "a result is a ", value.tagKind(), ", which this package does not hold");
    }
    return result;
}

}  // namespace

struct ct_results_s {
    std::vector<Result> values;
};

ct_operator ct_operator_named(const char *name, const char *overload) {
    return guarded<ct_operator>(nullptr, [&] {
        auto found = c10::Dispatcher::singleton().findSchema({name, overload});
        if (found.has_value()) return reinterpret_cast<ct_operator>(new c10::OperatorHandle(*found));
        std::string others;
        for (const auto &known : c10::Dispatcher::singleton().getAllOpNames()) {
            if (known.name != name) continue;
            others += others.empty() ? "" : ", ";
            others += known.overload_name.empty() ? known.name : known.name + "." + known.overload_name;
        }
        TORCH_CHECK(!others.empty(), "libtorch has no operator ", name);
        std::string asked = *overload == 0 ? "without a name" : std::string(overload);
        TORCH_CHECK(false, "the operator ", name, " has no overload ", asked, "; there are ", others);
    });
}

void ct_operator_release(ct_operator op) { delete &handle(op); }

int64_t ct_operator_argument_count(ct_operator op) {
    return static_cast<int64_t>(handle(op).schema().arguments().size());
}

const char *ct_operator_argument_name(ct_operator op, int64_t position) {
    return handle(op).schema().arguments()[static_cast<size_t>(position)].name().c_str();
}

ct_results ct_invoke(
    ct_operator op, const ct_value *arguments, int64_t argument_count, const ct_elements *elements) {
    return guarded<ct_results>(nullptr, [&] {
        const auto &expected = handle(op).schema().arguments();
        TORCH_CHECK(
            argument_count <= static_cast<int64_t>(expected.size()), argument_count, " arguments are given, and it takes ",
            expected.size());
        torch::jit::Stack stack;
        stack.reserve(expected.size());
        for (size_t k = 0; k < expected.size(); ++k) {
            if (static_cast<int64_t>(k) >= argument_count || arguments[k].kind == CT_DEFAULT) {
                TORCH_CHECK(
                    expected[k].default_value().has_value(), "the argument ", expected[k].name(), ", ",
                    expected[k].type()->str(), ", is missing");
                stack.push_back(*expected[k].default_value());
                continue;
            }
            auto value = converted(arguments[k], *elements, expected[k], expected[k].type());
            TORCH_CHECK(
                value.has_value(), "the argument ", expected[k].name(), " must be ", expected[k].type()->str(), ", not ",
                words(arguments[k].kind));
            stack.push_back(std::move(*value));
        }
        handle(op).callBoxed(stack);
        auto results = std::make_unique<ct_results_s>();
        for (const auto &value : stack) results->values.push_back(taken(value));
        return results.release();
    });
}

void ct_results_release(ct_results results) { delete results; }

int64_t ct_results_count(ct_results results) { return static_cast<int64_t>(results->values.size()); }

ct_kind ct_results_kind(ct_results results, int64_t number) {
    return results->values[static_cast<size_t>(number)].kind;
}

int64_t ct_results_length(ct_results results, int64_t number) {
    const auto &value = results->values[static_cast<size_t>(number)];
    return static_cast<int64_t>(
        value.kind == CT_STRING ? value.text.size()
                                : std::max({value.tensors.size(), value.integers.size(), value.reals.size()}));
}

ct_tensor ct_results_tensor(ct_results results, int64_t number, int64_t position) {
    return give(results->values[static_cast<size_t>(number)].tensors[static_cast<size_t>(position)]);
}

int64_t ct_results_integer(ct_results results, int64_t number, int64_t position) {
    return results->values[static_cast<size_t>(number)].integers[static_cast<size_t>(position)];
}

double ct_results_real(ct_results results, int64_t number, int64_t position) {
    return results->values[static_cast<size_t>(number)].reals[static_cast<size_t>(position)];
}

const char *ct_results_text(ct_results results, int64_t number) {
    return results->values[static_cast<size_t>(number)].text.c_str();
}

#endif
