// What an estimate of the information can be told, as values of options.

import FisherInformation
import FisherOptions

extension CurvatureSource: OptionValue {
    /// What is wrong with a text that names no source.
    public static var expectation: String {
        "is not one of " + kinds.map(\.description).joined(separator: ", ")
    }
    /// A text.
    public static var form: OptionForm { .quoted }
}

extension WeightSharing: OptionValue {}
