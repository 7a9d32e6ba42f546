// The sums of outer products, matrix products and elementwise passes, for one instruction set, in both types of numbers.
#include <float.h>

// Of the type Real: as many numbers as an instruction takes, at any address.
#define WIDTH ((int64_t)(VECTOR_BYTES / sizeof(Real)))
#define VECTOR_AT(pointer) (*(OUTER(Vector) *)(pointer))
#define DEFINE_VECTOR \
    typedef Real OUTER(Vector) __attribute__((ext_vector_type(VECTOR_BYTES / sizeof(Real)), aligned(sizeof(Real))));

#define Real float
#define OUTER(name) name##_of_float32
DEFINE_VECTOR
#include "Outer.h"
#include "Product.h"
#include "Combined.h"
#undef Real
#undef OUTER

#define Real double
#define OUTER(name) name##_of_float64
DEFINE_VECTOR
#include "Outer.h"
#include "Product.h"
#include "Combined.h"
#undef Real
#undef OUTER

#undef WIDTH
#undef VECTOR_AT
#undef DEFINE_VECTOR
