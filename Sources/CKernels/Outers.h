// The sums of outer products for one instruction set, in both types of numbers.
#define Real float
#define OUTER(name) name##_of_float32
#include "Outer.h"
#undef Real
#undef OUTER

#define Real double
#define OUTER(name) name##_of_float64
#include "Outer.h"
#undef Real
#undef OUTER
