// What an estimate of the information can be told, as values of options.

import FisherInformation
import FisherOptions

extension CurvatureSource: OptionValue {
    public init?(optionPieces: [String]) { self.init(optionPieces[0]) }
    public var optionPieces: [String] { [description] }
    public static var expectation: String {
        "is not one of " + kinds.map(\.description).joined(separator: ", ")
    }
    public static var form: OptionForm { .quoted }
}

extension WeightSharing: OptionValue {}
