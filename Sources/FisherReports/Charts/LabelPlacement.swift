/// Moves labels apart along one direction, each as little as possible.
enum LabelPlacement {
    private struct Cluster {
        var members: [Int]
        var height: Double
        /// The sum, over the members, of where the cluster would begin if each had its preferred position.
        var wishes: Double
        var start: Double { wishes / Double(members.count) }
    }

    /// The heights of labels in a column at `x`, one for each point, such that no two of the straight lines from the points to
    /// their labels cross.
    ///
    /// The heights are those of labels as near to their points as they fit; which point has which is changed until no two lines
    /// cross. Every exchange makes the sum of the lines' lengths less, so that this ends.
    static func uncrossed(
        _ points: [(x: Double, y: Double)], at x: Double, height: Double, within bounds: ClosedRange<Double>
    ) -> [Double] {
        var heights = spread(points.map { ($0.y, height) }, within: bounds)
        func cross(_ a: Int, _ b: Int) -> Bool {
            func side(_ p: (x: Double, y: Double), _ q: (x: Double, y: Double), _ r: (x: Double, y: Double))
                -> Double
            {
                (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x)
            }
            let (p, q) = (points[a], (x: x, y: heights[a]))
            let (r, s) = (points[b], (x: x, y: heights[b]))
            return side(p, q, r) * side(p, q, s) < 0 && side(r, s, p) * side(r, s, q) < 0
        }
        var changed = true
        while changed {
            changed = false
            for a in points.indices {
                for b in points.indices where b > a && cross(a, b) {
                    heights.swapAt(a, b)
                    changed = true
                }
            }
        }
        return heights
    }

    /// The centers of labels with preferred centers and heights, without overlap.
    ///
    /// Labels stay within `bounds` unless their heights together exceed it; then they overflow its end.
    static func spread(
        _ wishes: [(center: Double, height: Double)], within bounds: ClosedRange<Double>
    ) -> [Double] {
        let order = wishes.indices.sorted { (wishes[$0].center, $0) < (wishes[$1].center, $1) }
        var clusters: [Cluster] = []
        func begin(_ cluster: Cluster) -> Double {
            max(min(cluster.start, bounds.upperBound - cluster.height), bounds.lowerBound)
        }
        for index in order {
            let label = wishes[index]
            clusters.append(
                Cluster(members: [index], height: label.height, wishes: label.center - label.height / 2)
            )
            while clusters.count > 1 {
                let last = clusters[clusters.count - 1]
                let previous = clusters[clusters.count - 2]
                guard begin(last) < begin(previous) + previous.height else { break }
                clusters.removeLast(2)
                clusters.append(
                    Cluster(
                        members: previous.members + last.members, height: previous.height + last.height,
                        wishes: previous.wishes + last.wishes - Double(last.members.count) * previous.height
                    )
                )
            }
        }
        var centers = Array(repeating: 0.0, count: wishes.count)
        for cluster in clusters {
            var position = begin(cluster)
            for index in cluster.members {
                centers[index] = position + wishes[index].height / 2
                position += wishes[index].height
            }
        }
        return centers
    }
}
