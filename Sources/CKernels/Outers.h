// The sums of outer products, matrix products and elementwise passes, for one instruction set, in both types of numbers.
#include <float.h>

#define Real float
#define OUTER(name) name##_of_float32
#include "Outer.h"
#include "Product.h"
#include "Combined.h"
#undef Real
#undef OUTER

#define Real double
#define OUTER(name) name##_of_float64
#include "Outer.h"
#include "Product.h"
#include "Combined.h"
#undef Real
#undef OUTER
