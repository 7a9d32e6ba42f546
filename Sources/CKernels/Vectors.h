// Vectors of as many numbers as an instruction set wants, sixteen if it does not say: the compiler splits them where it
// must.
//
// Everything that takes or gives a vector is a macro, because a function would pass it in registers that
// not every instruction set has.
#include <stdint.h>
#include <string.h>

#include "CKernels.h"

#ifndef LANES
#define LANES 16
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float Floats __attribute__((ext_vector_type(LANES), aligned(4)));
typedef double Doubles __attribute__((ext_vector_type(LANES), aligned(8)));
typedef int32_t Integers __attribute__((ext_vector_type(LANES), aligned(4)));
typedef uint32_t Words __attribute__((ext_vector_type(LANES), aligned(4)));
typedef uint16_t Halves __attribute__((ext_vector_type(LANES), aligned(2)));

#define LEAST_NORMAL 0x1p-126f
#define GREATEST 0x1.fffffep127f

#define LOAD(pointer) (*(const Floats *)(pointer))
#define STORE(pointer, x) (*(Floats *)(pointer) = (x))
#define AT_LEAST(x, bound) __builtin_elementwise_max((x), (Floats)(bound))
#define AT_MOST(x, bound) __builtin_elementwise_min((x), (Floats)(bound))

// Sums of squares. A float vector takes the squares of BLOCK vectors, then a double one takes it: a chain of
// conversions for every vector costs as much as a root. Where the sum of a whole call leaves the range in
// which no square overflowed or vanished, the call is made again with EXACT squares.
#define BLOCK (16 * LANES)
#define ADD_SQUARE(sum, part, x, exact)                               \
    do {                                                              \
        if (exact) {                                                  \
            Doubles wide = __builtin_convertvector((x), Doubles);     \
            (sum) += wide * wide;                                     \
        } else {                                                      \
            (part) += (x) * (x);                                      \
        }                                                             \
    } while (0)
#define ADD_PART(sum, part, exact)                                         \
    do {                                                                   \
        if (!(exact)) (sum) += __builtin_convertvector((part), Doubles);   \
    } while (0)

// Prefetches what a loop needs a little later. Processors do it themselves, but not across a page: 6 % of a
// loop whose data come from memory.
#define AHEAD 512
#define FETCH(pointer) __builtin_prefetch((pointer) + AHEAD)

INLINE double total(const Doubles *lanes) {
    double sum = 0;
    for (int k = 0; k < LANES; ++k) sum += (*lanes)[k];
    return sum;
}

INLINE void add(ck_sums *sums, ck_sums more) {
    sums->gradient += more.gradient;
    sums->step += more.step;
    sums->decay += more.decay;
    sums->change += more.change;
}

// Whether the squares of `count` numbers that sum up to `sum` can have been taken in float.
INLINE bool trustworthy(double sum, int64_t count) { return sum >= 1e-30 * (double)count && sum <= 1e37; }

// 1 / d. GUARDED, d is floored at the smallest normal number, and the result zero where d is exactly zero;
// without guards d must be a normal number or infinite. The guards cost a third of a loop's time in cache.
//
// Exact roots and divisions: estimates refined by a Newton step (rsqrt14, rcp14) were slower on Zen 5,
// 0.29 ns a parameter of Adam in cache against 0.23.
#define INVERSE(d, guarded)                                                               \
    ({                                                                                    \
        Floats divisor = (d);                                                             \
        Floats inverse = 1.0f / ((guarded) ? AT_LEAST(divisor, LEAST_NORMAL) : divisor);  \
        (guarded) ? (divisor == 0.0f ? (Floats)0.0f : inverse) : inverse;                 \
    })
// x times an inverse; GUARDED, kept finite.
#define QUOTIENT(x, inverse, guarded)                                                     \
    ({                                                                                    \
        Floats ratio = (x) * (inverse);                                                   \
        (guarded) ? AT_MOST(AT_LEAST(ratio, -GREATEST), GREATEST) : ratio;                \
    })
// x^2, at most half the greatest number: the average of what overflows stays finite.
#define SQUARE(x) AT_MOST((x) * (x), GREATEST / 2)
#define ROOT(x) __builtin_elementwise_sqrt(x)
