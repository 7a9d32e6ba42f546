// The sums of outer products, and matrix products, for one instruction set, in both types of numbers.
#define Real float
#define OUTER(name) name##_of_float32
#include "Outer.h"
#include "Product.h"
#undef Real
#undef OUTER

#define Real double
#define OUTER(name) name##_of_float64
#include "Outer.h"
#include "Product.h"
#undef Real
#undef OUTER
