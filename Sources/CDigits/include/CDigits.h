// The optical digits as text; ATTRIBUTION.md says whose they are.
#pragma once

#include <stddef.h>

/// An image a line: 64 letters row by row, 'a' for 0 to 'q' for 16, then the label's figure and a line feed.
const char *fisher_digits_text(void);

/// The number of its bytes.
size_t fisher_digits_size(void);

/// The parameters of a convolutional classifier of the digits in the order of the model, float32, little-endian;
/// `Scripts/digits-features` says how they were made.
const unsigned char *fisher_digits_features(void);

/// The number of their bytes.
size_t fisher_digits_features_size(void);
