// The transducer's lattice for one instruction set, in both types of numbers.
#include <math.h>

// log(e^a + e^b).
INLINE double lattice_sum(double a, double b) {
    double high = a > b ? a : b, low = a > b ? b : a;
    return low == -INFINITY ? high : high + log1p(exp(low - high));
}

// The log probability of all ways to a node, [frames, width].
INLINE void lattice_forward(
    int64_t frames, int64_t width, const double *blanks, const double *nexts, double *alpha) {
    for (int64_t t = 0; t < frames; ++t)
        for (int64_t u = 0; u < width; ++u) {
            int64_t node = t * width + u;
            double down = t > 0 ? alpha[node - width] + blanks[node - width] : -INFINITY;
            double right = u > 0 ? alpha[node - 1] + nexts[node - 1] : -INFINITY;
            alpha[node] = node == 0 ? 0 : lattice_sum(down, right);
        }
}

// The log probability of all ways from a node to the end, [frames, width].
INLINE void lattice_backward(
    int64_t frames, int64_t width, const double *blanks, const double *nexts, double *beta) {
    for (int64_t node = frames * width - 1; node >= 0; --node) {
        int64_t u = node % width;
        bool last = node + width >= frames * width;
        double down = last ? (u + 1 == width ? blanks[node] : -INFINITY) : blanks[node] + beta[node + width];
        double right = u + 1 < width ? nexts[node] + beta[node + 1] : -INFINITY;
        beta[node] = lattice_sum(down, right);
    }
}

#define Real float
#define LATTICE(name) name##_of_float32
#define LATTICE_IN_FLOAT 1
#include "Lattice.h"
#undef Real
#undef LATTICE
#undef LATTICE_IN_FLOAT

#define Real double
#define LATTICE(name) name##_of_float64
#define LATTICE_IN_FLOAT 0
#include "Lattice.h"
#undef Real
#undef LATTICE
#undef LATTICE_IN_FLOAT
