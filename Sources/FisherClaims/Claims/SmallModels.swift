extension Claim {
    /// The claims that are decided on models whose information is known exactly.
    static let smallModels: [Claim] = [.boltzmann, .geometry, .continuousTime]
}
