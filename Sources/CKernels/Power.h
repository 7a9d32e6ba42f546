// Powers of vectors: f^rho = 2^(rho log2 f), within 5e-7 of itself in float32 for every normal f.
//
// With f = 2^e (1 + t), 1 + t between the roots of a half and of two, rho log2 f = rho e + rho log2(1 + t). The first
// summand may be a hundred, where a float32 has no more than 17 bits after the point: rho is split so that
// rho_high e is exact, its nearest integer goes into the exponent of the result, and only what is left, which is less
// than one, is rounded. The polynomials are of least largest error: 3.0e-7 of log2(1 + t), 7.5e-8 of 2^x, from
// Reference/power_polynomials.py.
#define ROOT_OF_A_HALF 0x3f3504f3
// Adding it leaves the nearest integer in the last bits.
#define ROUNDER 0x1.8p23f

#define LOG_0 (1.442699726f)
#define LOG_1 (-0.7213758708f)
#define LOG_2 (0.4804650333f)
#define LOG_3 (-0.3589618735f)
#define LOG_4 (0.2972626256f)
#define LOG_5 (-0.2726977505f)
#define LOG_6 (0.170634136f)
#define EXP_0 (1.000000072f)
#define EXP_1 (0.6931469671f)
#define EXP_2 (0.2402211972f)
#define EXP_3 (0.05550713272f)
#define EXP_4 (0.009675541343f)
#define EXP_5 (0.001327647263f)

// In pairs rather than by Horner's rule: the loops are bound by the length of the chain.
// rho log2(1 + t) + rest.
#define LOGARITHM(t, k, rest)                                                              \
    ({                                                                                     \
        Floats square = (t) * (t);                                                         \
        Floats high = LOG_6 * (k).rho * square + (LOG_5 * (k).rho * (t) + LOG_4 * (k).rho);\
        Floats middle = LOG_3 * (k).rho * (t) + LOG_2 * (k).rho;                           \
        Floats low = (LOG_1 * (k).rho * square) + (LOG_0 * (k).rho * (t) + (rest));        \
        (high * square + middle) * (square * (t)) + low;                                   \
    })
// 2^x.
#define EXPONENTIAL(x)                                                                     \
    ({                                                                                     \
        Floats square = (x) * (x);                                                         \
        (((EXP_5 * (x) + EXP_4) * square) + (EXP_3 * (x) + EXP_2)) * square + (EXP_1 * (x) + EXP_0); \
    })

// GUARDED, subnormal numbers have their powers, and zero is zero; without guards both become powers of less than the
// smallest normal number.
#define ANY_POWER(f, k, guarded)                                                                     \
    ({                                                                                               \
        Floats base = (f), shift = 0.0f;                                                             \
        if (guarded) {                                                                               \
            Integers subnormal = base < LEAST_NORMAL;                                                \
            base = subnormal ? base * 0x1p24f : base;                                                \
            shift = subnormal ? (Floats)24.0f : shift;                                               \
        }                                                                                            \
        Integers bits = (Integers)base;                                                              \
        Integers exponent = (bits - ROOT_OF_A_HALF) >> 23;                                           \
        Floats t = (Floats)(bits - (exponent << 23)) - 1.0f;                                         \
        Floats e = __builtin_convertvector(exponent, Floats);                                        \
        if (guarded) e -= shift;                                                                     \
        Floats rest = LOGARITHM(t, k, e * (k).rho_low);                                              \
        Floats shifted = e * (k).rho_high + rest;                                                    \
        /* Below, the result would be subnormal: it is floored at the smallest normal number. */     \
        if (guarded) shifted = AT_LEAST(shifted, -125.5f);                                           \
        shifted += ROUNDER;                                                                          \
        Floats x = (e * (k).rho_high - (shifted - ROUNDER)) + rest;                                  \
        if (guarded) x = AT_LEAST(x, -0.5f);                                                         \
        Floats power = (Floats)((Integers)EXPONENTIAL(x) + ((Integers)shifted << 23));               \
        (guarded) ? ((f) == 0.0f ? (Floats)0.0f : power) : power;                                    \
    })

// f^rho; `power` is known when the loop is compiled.
#define POWER(f, k, power, guarded) \
    ((power) == CK_ROOT ? ROOT(f) : (power) == CK_WHOLE ? (f) : ANY_POWER(f, k, guarded))
