/// Whether gradients by unit may be made by a backward pass for each unit.
///
/// That is how parameters are reached that no `InformativeLayer` tells of, such as those of a module of the
/// user's own. It costs as many backward passes as the batch has units (times the passes of the source), and
/// the memory of a gradient for every unit; it finds every use of a parameter, and needs a likelihood that tells its
/// outputs (`ClosedFormFisher`).
public enum PerSampleFallback: Hashable, Sendable {
    /// Such parameters are an error, which names them.
    case never
    /// Such parameters take it.
    case whereNeeded
    /// All parameters take it: the definition itself, for checks. No layer has Kronecker factors then.
    case always
}
