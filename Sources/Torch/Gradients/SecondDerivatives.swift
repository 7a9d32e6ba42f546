/// Whether operations are to be made so that their gradients can be differentiated again.
enum SecondDerivatives {
    @TaskLocal static var areWanted = false
}

/// Runs `body` with operations whose gradients can be differentiated again; some are slower so.
public func withSecondDerivatives<Result>(_ body: () throws -> Result) rethrows -> Result {
    try SecondDerivatives.$areWanted.withValue(true, operation: body)
}
