/// Where weight decay enters a rule that exists in both forms.
public protocol WeightDecayStyle: Hashable, Sendable {
    /// Whether the decay is a step of its own, scaled by eta; otherwise it is added to the gradient.
    static var isDecoupled: Bool { get }
    /// The published default of lambda.
    static var defaultWeightDecay: Schedule { get }
}

/// The decay of Adam and AdaFisher: lambda theta is added to the gradient.
public enum CoupledDecay: WeightDecayStyle {
    public static var isDecoupled: Bool { false }
    public static var defaultWeightDecay: Schedule { 0 }
}

/// The decay of AdamW and AdaFisherW: eta lambda theta is a step of its own (Loshchilov and Hutter 2019).
public enum DecoupledDecay: WeightDecayStyle {
    public static var isDecoupled: Bool { true }
    public static var defaultWeightDecay: Schedule { 1e-2 }
}
