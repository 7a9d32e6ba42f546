// Types of estimates of the information as values of options.

import FisherInformation
import FisherOptions

extension CurvatureSource: OptionValue {
    /// What is wrong with an unknown source.
    public static var expectation: String { "is not one of " + choices.joined(separator: ", ") }
    /// The names of the sources.
    public static var choices: [String] { kinds.map(\.description) }
    /// A quoted text.
    public static var form: OptionForm { .quoted }
}

extension WeightSharing: OptionValue {}
