import FisherInformation

/// Whose labels the information of a rule is of.
public enum LabelSource: String, CaseIterable, Codable, Sendable {
    /// The model's own, in closed form.
    case exact
    /// The data's.
    case empirical
    /// Drawn from the model.
    case sampled

    /// The source of the information, one draw of labels where they are drawn.
    var source: CurvatureSource { source(draws: 1) }

    /// The source of the information.
    func source(draws: Int) -> CurvatureSource {
        switch self {
        case .exact: .exact
        case .empirical: .empirical
        case .sampled: .sampled(draws)
        }
    }
}
