// Arguments of operators, boxed for the dispatcher.
#pragma once

#include "Border.h"

#ifdef CTORCH_ENGINE

#include <ATen/core/dispatch/Dispatcher.h>

namespace ctorch {

/// The dispatcher's entry behind a handle.
inline c10::OperatorHandle &handle(ct_operator op) { return *reinterpret_cast<c10::OperatorHandle *>(op); }

/// An argument in its own type.
c10::IValue box(const ct_value &value, const ct_elements &elements);

}  // namespace ctorch

#endif
