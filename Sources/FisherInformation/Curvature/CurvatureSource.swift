/// Where an estimate of the Fisher information comes from.
///
/// With s_n the gradient of -log p of unit n (a sample, or a whole sequence) and N the number of observations:
public enum CurvatureSource: Hashable, Sendable {
    /// (1/N) sum over units and observations of E_y[s s^T], y drawn from the model, in closed form: a backward
    /// pass for each of the likelihood's factors, and for each position of a sequence.
    case exact
    /// The same by n draws of labels from the model, a backward pass each.
    case sampled(Int)
    /// (1/N) sum_n s_n s_n^T at the data's labels: what machine learning calls the empirical Fisher.
    case empirical
    /// (1/N) sum_n s_n s_n^T / |d(-log p_n) / d outputs|^2 at the data's labels: the improved empirical
    /// Fisher of Wu et al. (2024). A unit whose outputs have no gradient contributes nothing.
    case improved
    /// g g^T with g = (1/N) sum_n s_n: what Adam squares. It depends on the batch size.
    case minibatch
    /// (1/N) sum J^T H J with the Hessian H of -log p in the outputs: the generalized Gauss-Newton matrix.
    case gaussNewton

    /// One of each kind, in the order of the documentation.
    public static let kinds: [CurvatureSource] = [
        .exact, .sampled(1), .empirical, .improved, .minibatch, .gaussNewton,
    ]

    /// What the estimate is, as `fisher explain` tells it: s is the gradient of an observation's -log p, N their number.
    package var explanation: String {
        switch self {
        case .exact:
            "(1/N) sum E_y[s s^T] with y from the model, in closed form: the Fisher information. A backward pass for each of the "
                + "likelihood's factors (classes but one), and for each position of a sequence."
        case .sampled:
            "The same by draws of labels from the model, a backward pass each; sampled(n) takes n draws. Without bias, with the "
                + "noise of the draws."
        case .empirical:
            "(1/N) sum s s^T at the data's labels: what machine learning calls the empirical Fisher. No Fisher information unless "
                + "the model describes the data."
        case .improved:
            "The same with each sample's term divided by the squared gradient of its loss in the outputs (Wu et al. 2024)."
        case .minibatch:
            "g g^T of the mean gradient g of a batch: what Adam squares. It depends on the batch size."
        case .gaussNewton:
            "(1/N) sum J^T H J with the Hessian H of -log p in the outputs: the generalized Gauss-Newton matrix, which for most "
                + "likelihoods is the Fisher information."
        }
    }

    /// Whether its gradients are those at the data's labels, which come with the gradient of the loss.
    package var isAtLabels: Bool {
        switch self {
        case .empirical, .improved, .minibatch: true
        case .exact, .sampled, .gaussNewton: false
        }
    }

    /// Whether it is a closed form in the outputs, of as many backward passes as there are factors and positions.
    package var isClosedForm: Bool { self == .exact || self == .gaussNewton }
}

extension CurvatureSource: LosslessStringConvertible {
    /// The source of a name: `exact`, `sampled` for one draw, `sampled(3)`, `empirical`, `improved`,
    /// `minibatch` or `gauss_newton`; nil for another text.
    public init?(_ text: String) {
        if let kind = CurvatureSource.kinds.first(where: { $0.description == text }) {
            self = kind
            return
        }
        guard text.hasPrefix("sampled("), text.hasSuffix(")"),
            let draws = Int(text.dropFirst("sampled(".count).dropLast()), draws > 0
        else { return nil }
        self = .sampled(draws)
    }

    /// The name in commands and files.
    public var description: String {
        switch self {
        case .exact: "exact"
        case .sampled(1): "sampled"
        case .sampled(let count): "sampled(\(count))"
        case .empirical: "empirical"
        case .improved: "improved"
        case .minibatch: "minibatch"
        case .gaussNewton: "gauss_newton"
        }
    }
}

extension CurvatureSource: Codable {
    /// Reads a source by its name. Throws `DecodingError` for an unknown name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let source = CurvatureSource(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\"\(text)\" is not a source of the Fisher information")
        }
        self = source
    }

    /// Writes the source by its name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
