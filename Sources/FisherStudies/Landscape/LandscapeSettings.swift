/// What is the same for every run of a landscape: the data and what is measured.
public struct LandscapeSettings: Codable, Hashable, Sendable {
    /// The training batches whose mean loss is looked at.
    public var batchCount = 4
    /// The seed of these batches, of the random directions and of the probes.
    public var seed: UInt64 = 0
    /// The points of a line from one end to the other, both included; 0 draws no lines.
    public var linePoints = 21
    /// How far a line goes beyond its ends, as a share of their distance.
    public var reach = 0.25
    /// The points along each side of a plane; 0 draws no planes.
    public var planePoints = 21
    /// Half the side of a plane, in filter norms.
    public var planeRange = 1.0
    /// The eigenvalues of the Hessian that are found; 0 measures no curvature.
    public var eigenvalueCount = 3
    /// The steps of Lanczos' iteration.
    public var lanczosSteps = 40
    /// The probes of the trace.
    public var probes = 30
    /// Whether products with the Hessian are always made by differences of gradients; otherwise where the gradient cannot
    /// be differentiated.
    public var usesDifferences = false

    /// The defaults.
    public init() {}

    /// The places on a line: 0 and 1 are its ends.
    public var linePlaces: [Double] {
        guard linePoints > 1 else { return [] }
        let step = 1 / Double(linePoints - 1)
        let beyond = Int((reach / step + 1e-9).rounded(.down))
        return (-beyond...linePoints - 1 + beyond).map {
            // The ends are exact.
            $0 == linePoints - 1 ? 1 : Double($0) * step
        }
    }

    /// The places along each side of a plane: the run lies at 0.
    public var planePlaces: [Double] {
        guard planePoints > 1 else { return [] }
        let middle = Double(planePoints - 1) / 2
        return (0..<planePoints).map { (Double($0) - middle) / middle * planeRange }
    }

    func validate(_ place: String) throws(DocumentFault) {
        for (name, value) in [
            ("batchCount", batchCount), ("lanczosSteps", lanczosSteps), ("probes", probes),
            ("eigenvalueCount", eigenvalueCount),
        ] { try DocumentLimits.requireCount(value, "\(place).\(name)") }
        for (name, value) in [("linePoints", linePoints), ("planePoints", planePoints)]
        where !(2...1001).contains(value) && value != 0 {
            throw DocumentFault("\(place).\(name)", "is \(value), not 0 or a number from 2 to 1001")
        }
        guard (0...10).contains(reach) else {
            throw DocumentFault("\(place).reach", "is \(reach), not a share from 0 to 10")
        }
        guard planeRange > 0, planeRange <= 1e6 else {
            throw DocumentFault("\(place).planeRange", "is \(planeRange), not a length")
        }
    }
}
