// The Gaussian error linear unit approximated by tanh, and its slope.
//
// x (1 + tanh u) / 2 = x s with u = sqrt(2 / pi) (x + 0.044715 x^3) and s = 1 / (1 + e), e = exp(-2 u): one power of two and one
// division a number, where tanh takes several times as long. s (1 - s) is e s^2, which loses nothing where s is nearly one. Both
// results are within 3e-6 of the exact ones, those for negative x within 3e-6 of their own magnitude too.

// -2 sqrt(2 / pi) log2(e), and 0.044715 times it.
#define GELU_POWER_1 (-2.302208198f)
#define GELU_POWER_3 (-0.1029432396f)
// 2 sqrt(2 / pi), and 3 * 0.044715 times it: the slope of 2 u.
#define GELU_SLOPE_0 (1.595769122f)
#define GELU_SLOPE_2 (0.2140644488f)
// Beyond, the slope is zero or one.
#define GELU_FAR (20.0f)

// 2^v for any v, at the ends of the range those of its ends.
#define POWER_OF_TWO(v)                                                              \
    ({                                                                               \
        Floats within = AT_MOST(AT_LEAST((v), -125.0f), 125.0f);                     \
        Floats shifted = within + ROUNDER;                                           \
        Floats x = within - (shifted - ROUNDER);                                     \
        (Floats)((Integers)EXPONENTIAL(x) + ((Integers)shifted << 23));              \
    })

INLINE void NAME(gelu_vectors)(const Stored *input, Stored *output, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        Floats x = READ(input + i);
        Floats e = POWER_OF_TWO(x * (GELU_POWER_1 + GELU_POWER_3 * (x * x)));
        WRITE(output + i, x / (1.0f + e));
    }
}

INLINE void NAME(gelu_slope_vectors)(const Stored *input, const Stored *slope, Stored *output, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        Floats x = READ(input + i);
        Floats e = POWER_OF_TWO(x * (GELU_POWER_1 + GELU_POWER_3 * (x * x)));
        Floats s = 1.0f / (1.0f + e), near = AT_MOST(AT_LEAST(x, -GELU_FAR), GELU_FAR);
        Floats derivative = s + (e * s) * (s * near) * (GELU_SLOPE_0 + GELU_SLOPE_2 * (near * near));
        // The bounds would turn what is no number into one.
        derivative = x == x ? derivative : x;
        WRITE(output + i, READ(slope + i) * derivative);
    }
}

static void NAME(gelu)(const void *input, void *output, int64_t count) {
    int64_t whole = count / LANES * LANES, rest = count - whole;
    NAME(gelu_vectors)(input, output, whole);
    if (rest == 0) return;
    Stored last[LANES] = {0};
    memcpy(last, (const Stored *)input + whole, (size_t)rest * sizeof(Stored));
    NAME(gelu_vectors)(last, last, LANES);
    memcpy((Stored *)output + whole, last, (size_t)rest * sizeof(Stored));
}

static void NAME(gelu_slope)(const void *input, const void *slope, void *output, int64_t count) {
    int64_t whole = count / LANES * LANES, rest = count - whole;
    NAME(gelu_slope_vectors)(input, slope, output, whole);
    if (rest == 0) return;
    Stored last[LANES] = {0}, last_slope[LANES] = {0};
    memcpy(last, (const Stored *)input + whole, (size_t)rest * sizeof(Stored));
    memcpy(last_slope, (const Stored *)slope + whole, (size_t)rest * sizeof(Stored));
    NAME(gelu_slope_vectors)(last, last_slope, last, LANES);
    memcpy((Stored *)output + whole, last, (size_t)rest * sizeof(Stored));
}

static const ck_activation_table NAME(activation_table) = {.gelu = NAME(gelu), .gelu_slope = NAME(gelu_slope)};
