/// The types of numbers in which the parts of a run are computed, by PyTorch's names for them.
public struct RunPrecisions: Codable, Sendable, Hashable {
    /// Matrix products, convolutions and attention of the objectives of steps, and their backward passes.
    public var products: String
    /// The same in the loss on held-out data.
    public var evaluation: String
    /// Weights and their gradients.
    public var weights: String
    /// Normalizations, softmax and likelihoods.
    public var losses: String
    /// Statistics of batches, and the rules with their state.
    public var rules: String
    /// What a finished run is judged by besides its loss, and what its page shows of it.
    public var measures: String

    /// Gathers the types.
    public init(
        products: String, evaluation: String, weights: String, losses: String, rules: String, measures: String
    ) {
        (self.products, self.evaluation, self.weights) = (products, evaluation, weights)
        (self.losses, self.rules, self.measures) = (losses, rules, measures)
    }
}
