import Fisher

/// The families of random graphs that the task `graphs` tells apart. All graphs of n nodes have 2 n edges.
public enum GraphFamily: Int, CaseIterable, Sendable {
    /// Every set of edges is as likely as any other (Erdos and Renyi 1959).
    case uniform
    /// Two blocks of half the nodes each; most edges lie inside one (the stochastic block model, Holland et al. 1983).
    case blocks
    /// A ring in which each node is joined to its two neighbors on each side; some edges are moved to a random node (Watts and
    /// Strogatz 1998).
    case smallWorld
}

/// Undirected graphs of one size with their families, a third of each.
struct SmallGraphs: Sendable {
    /// What a node is described by: (degree - 4) / 2, where 4 is the mean degree, and 4 c - 1 for its clustering coefficient c,
    /// the share of pairs of its neighbors that are joined (Watts and Strogatz 1998). So both lie around 0.
    static let featureCount = 2

    let nodes: Int
    /// The adjacency matrices, row by row, one graph after another.
    let adjacency: [UInt8]
    let families: [GraphFamily]

    var count: Int { families.count }

    init(nodes: Int, adjacency: [UInt8], families: [GraphFamily]) {
        precondition(adjacency.count == families.count * nodes * nodes)
        (self.nodes, self.adjacency, self.families) = (nodes, adjacency, families)
    }

    /// Draws graphs; equal arguments give equal graphs.
    ///
    /// - Parameters:
    ///   - count: the number of graphs.
    ///   - nodes: the nodes of each, at least 6.
    ///   - inside: the probability that an edge of `blocks` lies inside a block.
    ///   - rewiring: the probability that an edge of `smallWorld` is moved.
    ///   - seed: the seed of the drawing.
    init(_ count: Int, nodes: Int, inside: Double, rewiring: Double, seed: UInt64) {
        precondition(nodes >= 6)
        var generator = SplitMix64(seed: seed)
        var families: [GraphFamily] = []
        var adjacency = [UInt8](repeating: 0, count: count * nodes * nodes)
        for graph in 0..<count {
            let family = GraphFamily.allCases[graph % GraphFamily.allCases.count]
            families.append(family)
            var edges: [(Int, Int)]
            switch family {
            case .uniform: edges = Self.blocks(nodes, inside: nil, &generator)
            case .blocks: edges = Self.blocks(nodes, inside: inside, &generator)
            case .smallWorld: edges = Self.smallWorld(nodes, rewiring: rewiring, &generator)
            }
            // In a random order of the nodes, so that positions tell nothing.
            var order = Array(0..<nodes)
            generator.shuffle(&order)
            for (a, b) in edges {
                let (a, b) = (order[a], order[b])
                adjacency[(graph * nodes + a) * nodes + b] = 1
                adjacency[(graph * nodes + b) * nodes + a] = 1
            }
        }
        self.init(nodes: nodes, adjacency: adjacency, families: families)
    }

    /// Whether something of a probability happens.
    private static func happens(_ probability: Double, _ generator: inout SplitMix64) -> Bool {
        Double(generator.next() >> 11) * 0x1p-53 < probability
    }

    /// Edges drawn inside two blocks with a probability and else between them; of all pairs alike if it is nil.
    private static func blocks(
        _ nodes: Int, inside: Double?, _ generator: inout SplitMix64
    ) -> [(Int, Int)] {
        let pairs = (0..<nodes).flatMap { a in (0..<a).map { (a, $0) } }
        func isInside(_ pair: (Int, Int)) -> Bool { (pair.0 < nodes / 2) == (pair.1 < nodes / 2) }
        var within = inside == nil ? [] : pairs.filter(isInside)
        var between = inside == nil ? pairs : pairs.filter { !isInside($0) }
        generator.shuffle(&within)
        generator.shuffle(&between)
        return (0..<2 * nodes).compactMap { _ in
            let isWithin = inside.map { happens($0, &generator) } ?? false
            // Where one kind of pairs is used up, the other serves.
            return isWithin ? within.popLast() ?? between.popLast() : between.popLast() ?? within.popLast()
        }
    }

    /// The edges of a ring, some of them moved.
    private static func smallWorld(
        _ nodes: Int, rewiring: Double, _ generator: inout SplitMix64
    ) -> [(Int, Int)] {
        var joined = [Bool](repeating: false, count: nodes * nodes)
        func set(_ a: Int, _ b: Int, _ value: Bool) {
            joined[a * nodes + b] = value
            joined[b * nodes + a] = value
        }
        var edges = [1, 2].flatMap { step in (0..<nodes).map { ($0, ($0 + step) % nodes) } }
        for (a, b) in edges { set(a, b, true) }
        for index in edges.indices where happens(rewiring, &generator) {
            let (a, b) = edges[index]
            let free = (0..<nodes).filter { $0 != a && !joined[a * nodes + $0] }
            if free.isEmpty { continue }
            let target = free[generator.uniform(below: free.count)]
            set(a, b, false)
            set(a, target, true)
            edges[index].1 = target
        }
        return edges
    }

    /// Consecutive graphs.
    func selecting(_ range: Range<Int>) -> SmallGraphs {
        let size = nodes * nodes
        return SmallGraphs(
            nodes: nodes, adjacency: Array(adjacency[range.lowerBound * size..<range.upperBound * size]),
            families: Array(families[range]))
    }

    /// The graphs as a network takes them, [count, nodes, nodes + 2] in float32, and their families.
    var examples: SupervisedBatch {
        var values: [Float] = []
        values.reserveCapacity(count * nodes * (nodes + Self.featureCount))
        for start in stride(from: 0, to: adjacency.count, by: nodes * nodes) {
            for node in 0..<nodes {
                let row = start + node * nodes
                let neighbors = (0..<nodes).filter { adjacency[row + $0] == 1 }
                values.append(contentsOf: adjacency[row..<row + nodes].lazy.map { Float($0) })
                var joined = 0
                for (place, a) in neighbors.enumerated() {
                    for b in neighbors[..<place] where adjacency[start + a * nodes + b] == 1 { joined += 1 }
                }
                let pairs = max(neighbors.count * (neighbors.count - 1) / 2, 1)
                values += [Float(neighbors.count - 4) / 2, 4 * Float(joined) / Float(pairs) - 1]
            }
        }
        return SupervisedBatch(
            inputs: Tensor(values, shape: [count, nodes, nodes + Self.featureCount]),
            targets: Tensor(families.map { Int64($0.rawValue) }, shape: [count]))
    }

    /// A hash of edges and families (64-bit FNV-1a).
    var fingerprint: UInt64 {
        var hash = FNV1a(of: adjacency)
        hash.add(families.map { UInt8($0.rawValue) })
        return hash.value
    }
}
