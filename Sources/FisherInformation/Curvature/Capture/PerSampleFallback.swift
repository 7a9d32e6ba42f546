/// Whether per-sample gradients may be computed by one backward pass per unit.
///
/// It supports parameters of no `InformativeLayer`, such as those of a module of the user's own. It costs as
/// many backward passes as the batch has units (times the passes of the source), and the memory of a gradient
/// for every unit; it finds every use of a parameter, and needs a likelihood that exposes its outputs
/// (`OutputLikelihood`).
public enum PerSampleFallback: Hashable, Sendable {
    /// Such parameters are an error, which names them.
    case never
    /// Such parameters use it.
    case whereNeeded
    /// All parameters use it: the definition itself, for checks. No layer has Kronecker factors then.
    case always
}
