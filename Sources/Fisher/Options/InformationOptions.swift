// Types of estimates of the information as values of options.

import FisherInformation
import FisherOptions

extension CurvatureSource: OptionValue {
    /// What is wrong with an unknown source.
    public static var expectation: String {
        "is not one of " + kinds.map(\.description).joined(separator: ", ")
    }
    /// A quoted text.
    public static var form: OptionForm { .quoted }
}

extension WeightSharing: OptionValue {}
